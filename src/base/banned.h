/* SPDX-License-Identifier: MIT */
/*
 * banned.h - libc calls that are easy to get wrong, turned into compile errors.
 *
 * Included on every compile of our own C files by the build, after nothing and before everything;
 * the system headers below are read first so that their own declarations are not touched.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef strcpy
#define strcpy(d, s) strcpy_is_banned_use_struct_bytes
#undef strcat
#define strcat(d, s) strcat_is_banned_use_struct_buf
#undef strncpy
#define strncpy(d, s, n) strncpy_is_banned_use_struct_bytes
#undef strncat
#define strncat(d, s, n) strncat_is_banned_use_struct_buf
#undef sprintf
#define sprintf(...) sprintf_is_banned_use_snprintf_or_buf_printf
#undef vsprintf
#define vsprintf(...) vsprintf_is_banned_use_vsnprintf
#undef strtok
#define strtok(s, d) strtok_is_banned_it_keeps_state
#undef gmtime
#define gmtime(t) gmtime_is_banned_use_gmtime_r
#undef localtime
#define localtime(t) localtime_is_banned_use_localtime_r
#undef ctime
#define ctime(t) ctime_is_banned_use_strftime
#undef atoi
#define atoi(s) atoi_is_banned_use_strtol_and_check
#undef atol
#define atol(s) atol_is_banned_use_strtol_and_check
#undef rand
#define rand() rand_is_banned_use_a_seeded_generator

#endif
