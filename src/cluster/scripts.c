/* SPDX-License-Identifier: MIT */
#include "cluster/scripts.h"

const char script_write[] =
    "local score = redis.call('ZSCORE', KEYS[1], ARGV[1])\n"
    "if not score or tonumber(score) == 0 then return 0 end\n"
    "if ARGV[4] == '1' then redis.call('UNLINK', KEYS[2]) end\n"
    "local at, last = 9, 8 + tonumber(ARGV[8])\n"
    "if last >= at then redis.call('HSET', KEYS[2], unpack(ARGV, at, last)) end\n"
    "if #ARGV > last then redis.call('HDEL', KEYS[2], unpack(ARGV, last + 1)) end\n"
    "if redis.call('EXISTS', KEYS[2]) == 1 then\n"
    "  redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])\n"
    "  redis.call('SADD', KEYS[4], ARGV[2])\n"
    "  for i = 2, 4 do redis.call('EXPIRE', KEYS[i], ARGV[5]) end\n"
    "else\n"
    "  redis.call('HDEL', KEYS[3], ARGV[1])\n"
    "  redis.call('SREM', KEYS[4], ARGV[2])\n"
    "end\n"
    "redis.call('PUBLISH', ARGV[6], ARGV[7])\n"
    "return 1\n";

/* A score of 0 is a life that is being reaped: it may not come back. */
const char script_renew[] =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
    "local epoch = redis.call('GET', KEYS[2])\n"
    "if not epoch then epoch = ARGV[4] redis.call('SET', KEYS[2], epoch) end\n"
    "local score = redis.call('ZSCORE', KEYS[1], ARGV[1])\n"
    "if (not score and ARGV[3] == '0') or (score and tonumber(score) == 0) then return {0, epoch} "
    "end\n"
    "redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])\n"
    "local expired = redis.call('ZRANGEBYSCORE', KEYS[1], 0, now, 'LIMIT', 0, 16)\n"
    "return {1, epoch, unpack(expired)}\n";

const char script_reap[] =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
    "local score = redis.call('ZSCORE', KEYS[1], ARGV[1])\n"
    "if not score then return 0 end\n"
    "if ARGV[3] == '0' and tonumber(score) > now then return 0 end\n"
    "redis.call('ZADD', KEYS[1], 0, ARGV[1])\n"
    "local topics = redis.call('SPOP', KEYS[2], ARGV[5])\n"
    "for _, topic in ipairs(topics) do\n"
    "  redis.call('UNLINK', ARGV[2] .. 'share:' .. ARGV[1] .. ':' .. topic)\n"
    "  redis.call('HDEL', ARGV[2] .. 'topic:' .. topic, ARGV[1])\n"
    "  redis.call('PUBLISH', ARGV[2] .. 'channel:' .. topic, ARGV[4])\n"
    "end\n"
    "local left = redis.call('SCARD', KEYS[2])\n"
    "if left == 0 then redis.call('ZREM', KEYS[1], ARGV[1]) end\n"
    "if redis.call('ZCARD', KEYS[1]) == 0 then redis.call('DEL', ARGV[2] .. 'epoch') end\n"
    "return left\n";

const char script_read[] =
    "local out = {}\n"
    "local lives = redis.call('HGETALL', KEYS[1])\n"
    "for i = 1, #lives, 2 do\n"
    "  out[#out + 1] = {lives[i], lives[i + 1],\n"
    "    redis.call('HGETALL', ARGV[1] .. 'share:' .. lives[i] .. ':' .. ARGV[2])}\n"
    "end\n"
    "return out\n";

const char script_touch[] = "for i = 1, 3 do redis.call('EXPIRE', KEYS[i], ARGV[1]) end\n"
                            "return 1\n";
