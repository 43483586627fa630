/* SPDX-License-Identifier: MIT */
/*
 * phoenix.c - the message handler of the phoenix dialect, over any story of requests, messages,
 * answers and ends; what an input means, and what must hold, is in dialect/fuzz_session_test.h.
 */
#include <stddef.h>
#include <stdint.h>

#include "dialect/fuzz_session_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_run(&phoenix_dialect, data, size);
    return 0;
}
