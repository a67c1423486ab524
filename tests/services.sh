#!/bin/sh
# The real services that the tests talk to: installed from Debian's packages where missing and possible, named otherwise.
set -eu
missing=""
command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
[ -x /usr/bin/chromium ] || missing="$missing chromium"
command -v cc >/dev/null 2>&1 && [ -e /usr/include/stdio.h ] || missing="$missing gcc libc6-dev"
command -v ip >/dev/null 2>&1 || [ -x /usr/sbin/ip ] || missing="$missing iproute2"
ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || missing="$missing libfaketime"
command -v soffice >/dev/null 2>&1 || missing="$missing libreoffice-impress-nogui"
ls /usr/share/fonts/truetype/lohit-devanagari >/dev/null 2>&1 || missing="$missing fonts-lohit-deva"
[ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
[ -x /usr/sbin/varnishd ] || missing="$missing varnish"
command -v turnserver >/dev/null 2>&1 || missing="$missing coturn"
# GStreamer speaks WHIP in a test: webrtcbin, its ICE, an H.264 encoder, and what the system's Python needs for them.
gst=/usr/lib/$(uname -m)-linux-gnu/gstreamer-1.0
[ -e "$gst/libgstwebrtc.so" ] || missing="$missing gstreamer1.0-plugins-bad"
[ -e "$gst/libgstnice.so" ] || missing="$missing gstreamer1.0-nice"
[ -e "$gst/libgstx264.so" ] || missing="$missing gstreamer1.0-plugins-ugly"
[ -e "$gst/libgstrtp.so" ] || missing="$missing gstreamer1.0-plugins-good"
[ -e "$gst/libgstopus.so" ] || missing="$missing gstreamer1.0-plugins-base"
ls /usr/lib/*/girepository-1.0/GstWebRTC-1.0.typelib >/dev/null 2>&1 || missing="$missing gir1.2-gst-plugins-bad-1.0"
/usr/bin/python3 -c "import gi" >/dev/null 2>&1 || missing="$missing python3-gi"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing$missing from Debian's packages …"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "The tests need these Debian packages:$missing" >&2
    echo "Install them with: sudo apt-get install$missing" >&2
    exit 1
fi
