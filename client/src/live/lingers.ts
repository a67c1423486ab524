export const LINGERS = 8_000; // ms that a publication which broke off is waited for
