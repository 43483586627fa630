/* SPDX-License-Identifier: MIT */
/*
 * share_text.h - shares as text: the entries that Redis keeps and the messages that it carries
 * (docs/cluster.md).
 *
 * An entry is `[rev,"key",{meta}]` under its ref in decimal. A message is
 * `{"n":"NODE.LIFE","v":VERSION,"w":0,"s":SIZE,"j":[[REF,rev,"key",{meta}],...],"x":[REF,...]}`,
 * or, when a node is gone, `{"n":"NODE.LIFE","gone":true}`.
 */
#ifndef CLUSTER_SHARE_TEXT_H
#define CLUSTER_SHARE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"
#include "cluster/bus.h"
#include "core/share.h"

enum { LIFE_TEXT_MAX = 24 };

/* `0a1b2c3d.1`, zero-terminated. */
void life_put(struct life life, char to[LIFE_TEXT_MAX]);
NODISCARD bool life_parse(struct bytes text, struct life *life);

/* `[rev,"key",{meta}]` */
void share_entry_put(struct buf *out, const struct share_entry *e);

struct share_message {
    struct life life;
    uint64_t version;
    bool whole, gone;
    struct bytes event, payload; /* of a relayed event; the payload is JSON text */
    uint32_t size;               /* entries of the share afterwards */
    struct share_entry *joined;
    size_t joined_len;
    uint64_t *removed;
    size_t removed_len;
    void *json; /* which the texts belong to */
};

/* Of `m`, without `json`. */
void share_message_put(struct buf *out, const struct share_message *m);
/* False if it is not one; then there is nothing to release. Metas are valid until the release. */
NODISCARD bool share_message_parse(struct share_message *m, struct bytes text);
void share_message_release(struct share_message *m);

/* One entry that was read. `json` keeps the texts, for share_entry_release(). */
NODISCARD bool share_entry_parse(struct share_entry *e, struct bytes ref, struct bytes text,
                                 void **json);
void share_entry_release(struct share_entry *e, void *json);

#endif
