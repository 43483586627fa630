// The key by which others see a visitor: a hash, since whoever knows the id is the visitor.
import { createHash } from 'node:crypto';

export function keyOfVisitor(id) {
  return `~${createHash('sha256').update(`rollcall visitor \0${id}`).digest().subarray(0, 12).toString('base64url')}`;
}
