/* SPDX-License-Identifier: MIT */
/*
 * share_message.c - what another node published, or left in a share: any text.
 *
 * A message that is taken must come out as it went in when it is written again.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "cluster/share_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct share_message *a, const struct share_message *b)
{
    assert(a->life.node == b->life.node && a->life.number == b->life.number);
    assert(a->gone == b->gone && !a->payload.ptr == !b->payload.ptr);
    if (a->gone || a->payload.ptr)
        return;
    assert(a->version == b->version && a->whole == b->whole && a->size == b->size);
    assert(a->joined_len == b->joined_len && a->removed_len == b->removed_len);
    for (size_t i = 0; i < a->joined_len; i++) {
        assert(a->joined[i].ref == b->joined[i].ref && a->joined[i].rev == b->joined[i].rev);
        assert(bytes_equal(a->joined[i].key, b->joined[i].key));
    }
    for (size_t i = 0; i < a->removed_len; i++)
        assert(a->removed[i] == b->removed[i]);
}

/* As tell.c puts them: an entry without a meta has `{}`. */
static void fill_metas(struct share_message *m)
{
    for (size_t i = 0; i < m->joined_len; i++)
        if (!m->joined[i].meta.len)
            m->joined[i].meta = B("{}");
}

static void empty_metas(struct share_message *m)
{
    for (size_t i = 0; i < m->joined_len; i++)
        if (bytes_equal(m->joined[i].meta, B("{}")))
            m->joined[i].meta = (struct bytes){0};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of((const char *)data, size);
    struct share_message m, again;
    struct share_entry e;
    void *json;

    if (share_entry_parse(&e, B("1"), text, &json))
        share_entry_release(&e, json);
    if (!share_message_parse(&m, text))
        return 0;
    struct buf out;
    buf_init(&out, BUF_UNBOUNDED);
    fill_metas(&m);
    share_message_put(&out, &m);
    empty_metas(&m);
    bool taken = share_message_parse(&again, buf_bytes(&out));
    assert(taken);
    check_same(&m, &again);
    share_message_release(&again);
    share_message_release(&m);
    buf_release(&out);
    return 0;
}
