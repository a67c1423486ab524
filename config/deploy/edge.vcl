# Varnish as an edge of the live stream, behind whatever ends TLS (nginx, hitch) without a cache of its own.
# Who waits for a URL is given it the moment that it comes; nginx's lock looks only twice a second.

vcl 4.1;

backend origin {
    .host = "classroom";
    .port = "8000";
    .first_byte_timeout = 20s;    # above the 12 s that a playlist may be waited for
}

sub vcl_recv {
    if (req.url !~ "^/live/") {
        return (synth(404));
    }
    if (req.method != "GET" && req.method != "HEAD") {
        return (synth(405));
    }
    unset req.http.Cookie;
    unset req.http.Authorization;
    return (hash);                # by host and URL, with _HLS_msn and _HLS_part
}

sub vcl_backend_response {
    set beresp.grace = 0s;        # a playlist that is too old stalls a player
    if (beresp.status >= 500) {
        set beresp.ttl = 0.5s;    # "come again": asked for once by all, and soon again
        set beresp.uncacheable = false;
        return (deliver);
    }
}

sub vcl_deliver {
    set resp.http.X-Cache = obj.hits;
}
