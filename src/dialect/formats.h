/* SPDX-License-Identifier: MIT */
/*
 * formats.h - the encoders that the dialects bring, for dialects.c to list.
 */
#ifndef DIALECT_FORMATS_H
#define DIALECT_FORMATS_H

#include "dialect/dialect.h"

/* Clients of some protocol take an event of this name for one of the server's own, so nobody may
 * publish it: an event reaches the subscribers of every protocol. */
bool event_name_reserved(struct bytes name);

extern const struct format rooms_format;
extern const struct format native_count_format, native_list_format;
extern const struct format phoenix2_count_format, phoenix2_list_format;
extern const struct format phoenix1_count_format, phoenix1_list_format;

#endif
