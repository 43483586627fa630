// JSON Web Tokens made by hand, good ones and bad ones.
import { createHmac, sign } from 'node:crypto';

export const SECRET = 'a secret of at least thirty-two bytes';

const encode = value =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export const seconds = (from_now = 0) => Math.floor(Date.now() / 1000) + from_now;

const HASHES = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' };

/** header.payload of these, still to be signed. */
export const unsigned = (claims, header = {}) =>
  `${encode({ typ: 'JWT', alg: 'HS256', ...header })}.${encode(claims)}`;

export function hmac(text, alg = 'HS256', secret = SECRET) {
  return `${text}.${createHmac(HASHES[alg], secret).update(text).digest('base64url')}`;
}

/** A token as a backend makes it. */
export function token(claims, { alg = 'HS256', secret = SECRET, header = {} } = {}) {
  return hmac(unsigned({ exp: seconds(3600), ...claims }, { alg, ...header }), alg, secret);
}

/** The same with a private key: RS256 or ES256. */
export function tokenByKey(claims, alg, key) {
  const text = unsigned({ exp: seconds(3600), ...claims }, { alg });
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** Tokens that must be refused, by what is wrong with them; `sub` is whom they claim to be. */
export function badTokens(sub) {
  const good = token({ sub });
  const [head, body, signature] = good.split('.');
  const flipped = signature[0] === 'A' ? 'B' + signature.slice(1) : 'A' + signature.slice(1);
  return {
    'alg none, no signature': `${unsigned({ sub }, { alg: 'none' })}.`,
    'alg none, old signature': `${unsigned({ sub }, { alg: 'none' })}.${signature}`,
    'alg NONE': `${unsigned({ sub }, { alg: 'NONE' })}.`,
    'alg missing': hmac(unsigned({ sub }, { alg: undefined })),
    'alg HS512 for HS256': token({ sub }, { alg: 'HS512' }),
    'alg HS384 that names HS256': hmac(unsigned({ sub }), 'HS384'),
    'alg RS256': hmac(unsigned({ sub }, { alg: 'RS256' })),
    expired: token({ sub, exp: seconds(-120) }),
    'expired in 1970': token({ sub, exp: 0 }),
    'exp as text': token({ sub, exp: String(seconds(3600)) }),
    'exp null': token({ sub, exp: null }),
    'not yet valid': token({ sub, nbf: seconds(600) }),
    'signed with another secret': token(
      { sub },
      { secret: 'another secret, just as long as ours' },
    ),
    'signature with one letter changed': `${head}.${body}.${flipped}`,
    'signature empty': `${head}.${body}.`,
    'signature cut': good.slice(0, -5),
    'payload cut': `${head}.${body.slice(0, -4)}.${signature}`,
    'payload of another': `${head}.${unsigned({ sub: 'admin' }).split('.')[1]}.${signature}`,
    'two parts': `${head}.${body}`,
    'four parts': `${good}.${signature}`,
    'with padding': `${good}=`,
    'with a blank': `${good} `,
    'one word': 'token',
    'dots only': '..',
    crit: token({ sub }, { header: { crit: ['b64'], b64: true } }),
    'sub missing': token({}),
    'sub empty': token({ sub: '' }),
    'sub null': token({ sub: null }),
    'sub an object': token({ sub: { id: 1 } }),
    'sub a fraction': token({ sub: 1.5 }),
    'sub that looks like a visitor': token({ sub: '~anna' }),
    'sub with a zero byte': token({ sub: 'anna\u0000x' }),
    'sub too long': token({ sub: 'x'.repeat(256) }),
    'topics not a list': token({ sub, topics: 'post:1' }),
    'meta not an object': token({ sub, meta: [] }),
  };
}
