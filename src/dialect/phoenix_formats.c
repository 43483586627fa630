/* SPDX-License-Identifier: MIT */
/*
 * phoenix_formats.c - presence_state, presence_diff, counts and relayed events as Phoenix clients
 * read them.
 *
 * Stage 6 (docs/architecture.md). Broadcasts carry null references, so one encoding serves every
 * client of a version; a stock client accepts that for the state too (docs/protocol/phoenix.md, 2.4
 * and 11).
 */
#include "dialect/dialect.h"
#include "dialect/formats.h"
#include "dialect/phoenix_wire.h"
#include "dialect/presences.h"

static void begin(struct buf *out, int version, const struct topic *t, struct bytes event)
{
    struct phoenix_head head = {
        .join_ref = B("null"), .ref = B("null"), .topic = t->name, .event = event};

    phoenix_begin(out, version, &head);
}

/* One meta: its reference, that of the meta it replaces, then the user's own members. */
static void put_meta(struct buf *out, const struct presence *p, bool told)
{
    uint32_t node = p->node;
    struct bytes meta = told ? presence_told_meta(p) : presence_meta(p);
    uint16_t rev = told ? presence_told_rev(p) : p->rev;

    buf_printf(out, "{\"phx_ref\":\"%s\"", ref_put_rev(node, p->ref, rev).text);
    if (!told && p->told && presence_changed(p))
        buf_printf(out, ",\"phx_ref_prev\":\"%s\"",
                   ref_put_rev(node, p->ref, presence_told_rev(p)).text);
    if (meta.len > 2) {
        buf_put_char(out, ',');
        buf_put(out, bytes_skip(meta, 1));
    } else {
        buf_put_char(out, '}');
    }
}

/* {key: {"metas": [...]}, ...}; `told` says which of a presence's two metas is meant. */
static void put_presences(struct buf *out, const struct presences *all, bool told)
{
    const struct key *open = NULL;

    buf_put_char(out, '{');
    for (size_t i = 0; i < all->len; i++) {
        const struct presence *p = all->items[i];
        if (p->key == open) {
            buf_put_char(out, ',');
        } else {
            buf_put(out, open ? B("]},") : B(""));
            buf_put_json(out, presence_key(p));
            buf_put(out, B(":{\"metas\":["));
            open = p->key;
        }
        put_meta(out, p, told);
    }
    buf_put(out, open ? B("]}}") : B("}"));
}

static void put_state(struct buf *out, int version, const struct topic *t)
{
    struct presences all = presences_told(t);

    begin(out, version, t, B("presence_state"));
    put_presences(out, &all, true);
    phoenix_finish(out, version);
    presences_release(&all);
}

static void put_diff(struct buf *out, int version, const struct topic *t, const struct diff *d)
{
    struct presences joins = presences_of_diff(d->joined, d->updated);
    struct presences leaves = presences_of_diff(d->left, d->updated);

    begin(out, version, t, B("presence_diff"));
    buf_put(out, B("{\"joins\":"));
    put_presences(out, &joins, false);
    buf_put(out, B(",\"leaves\":"));
    put_presences(out, &leaves, true);
    buf_put_char(out, '}');
    phoenix_finish(out, version);
    presences_release(&joins);
    presences_release(&leaves);
}

static void put_count(struct buf *out, int version, const struct topic *t, uint32_t viewers,
                      uint32_t people)
{
    begin(out, version, t, B("count"));
    buf_printf(out, "{\"viewers\":%u,\"people\":%u}", viewers, people);
    phoenix_finish(out, version);
}

static void put_event(struct buf *out, int version, const struct topic *t, const struct event *e)
{
    begin(out, version, t, e->name);
    buf_put(out, e->payload);
    phoenix_finish(out, version);
}

static void state1(struct buf *out, const struct topic *t)
{
    put_state(out, PHOENIX_V1, t);
}

static void state2(struct buf *out, const struct topic *t)
{
    put_state(out, PHOENIX_V2, t);
}

static void diff1(struct buf *out, const struct topic *t, const struct diff *d)
{
    put_diff(out, PHOENIX_V1, t, d);
}

static void diff2(struct buf *out, const struct topic *t, const struct diff *d)
{
    put_diff(out, PHOENIX_V2, t, d);
}

static void count1(struct buf *out, const struct topic *t, bool fewer)
{
    (void)fewer;
    put_count(out, PHOENIX_V1, t, t->viewers, t->people);
}

static void count2(struct buf *out, const struct topic *t, bool fewer)
{
    (void)fewer;
    put_count(out, PHOENIX_V2, t, t->viewers, t->people);
}

static void brief1(struct buf *out, const struct topic *t)
{
    put_count(out, PHOENIX_V1, t, t->told_viewers, t->told_people);
}

static void brief2(struct buf *out, const struct topic *t)
{
    put_count(out, PHOENIX_V2, t, t->told_viewers, t->told_people);
}

static void event1(struct buf *out, const struct topic *t, const struct event *e)
{
    put_event(out, PHOENIX_V1, t, e);
}

static void event2(struct buf *out, const struct topic *t, const struct event *e)
{
    put_event(out, PHOENIX_V2, t, e);
}

const struct format phoenix1_count_format = {
    .name = "phoenix1_count", .count = count1, .event = event1};
const struct format phoenix2_count_format = {
    .name = "phoenix2_count", .count = count2, .event = event2};

const struct format phoenix1_list_format = {.name = "phoenix1_list",
                                            .lists = true,
                                            .state = state1,
                                            .diff = diff1,
                                            .brief = brief1,
                                            .event = event1};
const struct format phoenix2_list_format = {.name = "phoenix2_list",
                                            .lists = true,
                                            .state = state2,
                                            .diff = diff2,
                                            .brief = brief2,
                                            .event = event2};
