/* SPDX-License-Identifier: MIT */
#include "cluster/scripts.h"

const char script_write[] =
    "local score = redis.call('ZSCORE', KEYS[1], ARGV[1])\n"
    "if not score or tonumber(score) == 0 then return 0 end\n"
    "local fence = tonumber(redis.call('HGET', KEYS[5], ARGV[8]) or 0)\n"
    "if tonumber(ARGV[9]) < fence then return 1 end\n"
    "if tonumber(ARGV[9]) > fence then redis.call('HSET', KEYS[5], ARGV[8], ARGV[9]) end\n"
    "if ARGV[4] == '1' then redis.call('UNLINK', KEYS[2]) end\n"
    "local at, last = 11, 10 + tonumber(ARGV[10])\n"
    "if last >= at then redis.call('HSET', KEYS[2], unpack(ARGV, at, last)) end\n"
    "if #ARGV > last then redis.call('HDEL', KEYS[2], unpack(ARGV, last + 1)) end\n"
    "if redis.call('EXISTS', KEYS[2]) == 1 then\n"
    "  redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])\n"
    "  redis.call('SADD', KEYS[4], ARGV[2])\n"
    "  for i = 2, 5 do redis.call('EXPIRE', KEYS[i], ARGV[5]) end\n"
    "else\n"
    "  redis.call('HDEL', KEYS[3], ARGV[1])\n"
    "  redis.call('SREM', KEYS[4], ARGV[2])\n"
    "  redis.call('EXPIRE', KEYS[5], ARGV[5])\n"
    "end\n"
    "redis.call('PUBLISH', ARGV[6], ARGV[7])\n"
    "return 1\n";

/* A score of 0 is a life that is being reaped: it may not come back. A late renewal of a life that
 * is gone must leave nothing behind, so only who holds a lease sets an epoch. */
const char script_renew[] =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
    "local epoch = redis.call('GET', KEYS[2])\n"
    "local score = redis.call('ZSCORE', KEYS[1], ARGV[1])\n"
    "if (not score and ARGV[3] == '0') or (score and tonumber(score) == 0) then\n"
    "  return {0, epoch or ''}\n"
    "end\n"
    "if not epoch then epoch = ARGV[4] redis.call('SET', KEYS[2], epoch) end\n"
    "redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])\n"
    "for i = 1, 2 do redis.call('EXPIRE', KEYS[i], ARGV[5]) end\n"
    "local expired = redis.call('ZRANGEBYSCORE', KEYS[1], 0, now, 'LIMIT', 0, 16)\n"
    "return {1, epoch, unpack(expired)}\n";

const char script_reap[] =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
    "local score = redis.call('ZSCORE', KEYS[1], ARGV[1])\n"
    "if ARGV[3] == '0' and (not score or tonumber(score) > now) then return 0 end\n"
    "redis.call('ZADD', KEYS[1], 0, ARGV[1])\n"
    "local topics = redis.call('SPOP', KEYS[2], ARGV[5])\n"
    "for _, topic in ipairs(topics) do\n"
    "  redis.call('UNLINK', ARGV[2] .. 'share:' .. ARGV[1] .. ':' .. topic)\n"
    "  redis.call('HDEL', ARGV[2] .. 'topic:' .. topic, ARGV[1])\n"
    "  redis.call('PUBLISH', ARGV[2] .. 'channel:' .. topic, ARGV[4])\n"
    "end\n"
    "local left = redis.call('SCARD', KEYS[2])\n"
    "if left == 0 then\n"
    "  redis.call('ZREM', KEYS[1], ARGV[1])\n"
    "  redis.call('DEL', KEYS[3])\n"
    "end\n"
    "if redis.call('ZCARD', KEYS[1]) == 0 then redis.call('DEL', ARGV[2] .. 'epoch') end\n"
    "return left\n";

/* A macro, since C joins only literals. */
#define EACH_SHARE(TAIL)                                                                           \
    "local out = {redis.call('GET', KEYS[3]) or ''}\n"                                             \
    "local lives = redis.call('HGETALL', KEYS[1])\n"                                               \
    "for i = 1, #lives, 2 do\n"                                                                    \
    "  local life, share = lives[i], ARGV[1] .. 'share:' .. lives[i] .. ':' .. ARGV[2]\n"          \
    "  if redis.call('ZSCORE', KEYS[2], life) then\n"                                              \
    "    out[#out + 1] = {life, lives[i + 1], redis.call(" TAIL ", share)}\n"                      \
    "  else\n"                                                                                     \
    "    redis.call('UNLINK', share)\n"                                                            \
    "    redis.call('HDEL', KEYS[1], life)\n"                                                      \
    "    redis.call('PUBLISH', ARGV[1] .. 'channel:' .. ARGV[2],\n"                                \
    "      '{\"n\":\"' .. life .. '\",\"gone\":true}')\n"                                          \
    "  end\n"                                                                                      \
    "end\n"                                                                                        \
    "return out\n"

const char script_read[] = EACH_SHARE("'HGETALL'");

const char script_check[] =
    "local score = redis.call('ZSCORE', KEYS[2], ARGV[4])\n"
    "if score and tonumber(score) ~= 0 and redis.call('EXISTS', KEYS[4]) == 1 then\n"
    "  redis.call('SADD', KEYS[5], ARGV[2])\n"
    "end\n"
    "for _, i in ipairs({1, 4, 5, 6}) do redis.call('EXPIRE', KEYS[i], ARGV[3]) end\n" EACH_SHARE(
        "'HLEN'");
