/* SPDX-License-Identifier: MIT */
#include "core/keys.h"

#include "base/heap.h"

enum { CAP_MIN = 16 };

void keys_release(struct keys *k)
{
    assert(k->len == 0);
    heap_free(k->slots);
    *k = (struct keys){0};
}

/* Of the text, and of the topic by its address, which is unique while it lives. */
static uint32_t hash_of(const struct hash_seed *seed, const struct topic *topic, struct bytes text)
{
    struct hash_seed own = {seed->k0 ^ (uintptr_t)topic, seed->k1};

    return (uint32_t)hash_bytes(&own, text);
}

/* The slot that holds the key, or the empty one where it belongs. */
static uint32_t find(const struct keys *k, uint32_t hash, const struct topic *topic,
                     struct bytes text)
{
    uint32_t at = hash & (k->cap - 1);

    for (; k->slots[at]; at = (at + 1) & (k->cap - 1)) {
        const struct key *key = k->slots[at];
        if (key->hash == hash && key->topic == topic &&
            bytes_equal(bytes_of(key->text, key->len), text))
            break;
    }
    return at;
}

static void resize(struct keys *k, uint32_t cap)
{
    struct keys next = {.slots = heap_zalloc(cap, sizeof(struct key *)), .cap = cap, .len = k->len};

    for (uint32_t i = 0; i < k->cap; i++) {
        struct key *key = k->slots[i];
        uint32_t at;
        if (!key)
            continue;
        for (at = key->hash & (cap - 1); next.slots[at]; at = (at + 1) & (cap - 1))
            ;
        next.slots[at] = key;
    }
    heap_free(k->slots);
    *k = next;
}

struct key *keys_ref(struct keys *k, const struct hash_seed *seed, struct topic *topic,
                     struct bytes text)
{
    uint32_t hash = hash_of(seed, topic, text);

    assert(text.len <= KEY_BYTES_MAX);
    if (k->len + 1 > k->cap / 8 * 7)
        resize(k, k->cap ? k->cap * 2 : CAP_MIN);
    uint32_t at = find(k, hash, topic, text);
    struct key *key = k->slots[at];
    if (!key) {
        key = heap_alloc(sizeof(*key) + text.len);
        *key = (struct key){.topic = topic, .hash = hash, .len = (uint16_t)text.len};
        if (text.len)
            memcpy(key->text, text.ptr, text.len);
        k->slots[at] = key;
        k->len++;
    }
    key->refs++;
    return key;
}

/* Empties a slot and moves back those behind it that would not be found any more. */
static void vacate(struct keys *k, uint32_t hole)
{
    uint32_t mask = k->cap - 1;

    k->slots[hole] = NULL;
    for (uint32_t at = (hole + 1) & mask; k->slots[at]; at = (at + 1) & mask) {
        uint32_t home = k->slots[at]->hash & mask;
        /* It may stay where it is if its home lies behind the hole. */
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        k->slots[hole] = k->slots[at];
        k->slots[at] = NULL;
        hole = at;
    }
}

void keys_unref(struct keys *k, struct key *key)
{
    if (--key->refs)
        return;
    vacate(k, find(k, key->hash, key->topic, bytes_of(key->text, key->len)));
    heap_free(key);
    k->len--;
    if (k->cap > CAP_MIN && k->len < k->cap / 8)
        resize(k, k->cap / 2);
}
