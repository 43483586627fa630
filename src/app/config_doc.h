/* SPDX-License-Identifier: MIT */
/*
 * config_doc.h - what the tables of keys and of commands say, for readers.
 *
 * The help, docs/configuration.md, packaging/rollcall.1 and packaging/rollcall.conf are written by
 * these functions and by nobody else; `make test` compares the files.
 */
#ifndef APP_CONFIG_DOC_H
#define APP_CONFIG_DOC_H

#include "base/buf.h"

struct command;
struct command_list;

/* Each appends to `out`. */

void doc_put_help(struct buf *out, const struct command_list *all);
void doc_put_command_help(struct buf *out, const struct command *command);
/* docs/configuration.md */
void doc_put_configuration(struct buf *out);
/* packaging/rollcall.conf: every key with its default, commented out */
void doc_put_sample(struct buf *out);
/* packaging/rollcall.1 */
void doc_put_man(struct buf *out, const struct command_list *all);

#endif
