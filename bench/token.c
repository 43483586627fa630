/* SPDX-License-Identifier: MIT */
#include "token.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

/* base64url without padding; `to` has room for 4/3 of `len` and 4 more. */
static size_t encode(const unsigned char *data, size_t len, char *to)
{
    size_t n = (size_t)EVP_EncodeBlock((unsigned char *)to, data, (int)len);

    while (n && to[n - 1] == '=')
        n--;
    for (size_t i = 0; i < n; i++)
        to[i] = to[i] == '+' ? '-' : to[i] == '/' ? '_' : to[i];
    to[n] = '\0';
    return n;
}

void token_make(const char *secret, uint32_t number, char *to, size_t size)
{
    static const char head[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len;
    char claims[64], part[128];
    size_t at = 0;

    encode((const unsigned char *)head, sizeof(head) - 1, part);
    at += (size_t)snprintf(to, size, "%s.", part);
    int len = snprintf(claims, sizeof(claims), "{\"sub\":\"u%u\",\"exp\":4102444800}", number);
    encode((const unsigned char *)claims, (size_t)len, part);
    at += (size_t)snprintf(to + at, size - at, "%s", part);
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)to, at, mac, &mac_len);
    encode(mac, mac_len, part);
    snprintf(to + at, size - at, ".%s", part);
}
