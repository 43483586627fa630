// SPDX-License-Identifier: MIT
//
// text.ts - a number as words, the same on the server and in the browser.
//
// The language is English unless another is given: a server's and a browser's own may differ, and
// then the text that the server wrote would change under the reader's eyes.

/** Texts by plural category, with `{count}` for the number; `other` for those that are not given. */
export type Labels = Readonly<Partial<Record<Intl.LDMLPluralRule, string>>>;

export interface TextOptions {
  /** What is counted: people (default), or their live sessions. */
  readonly of?: 'people' | 'viewers' | null;
  readonly labels?: Labels;
  /** Above it, `99+` for 99. */
  readonly max?: number;
  /** `compact`: 1.2K. */
  readonly format?: 'compact' | 'standard' | null;
  /** A language, as BCP 47 tag. Default: `en`. */
  readonly lang?: string;
}

/** "7 people viewing". */
export const textOf = (
  count: number,
  { of, labels = {}, max = Infinity, format, lang = 'en' }: TextOptions,
): string => {
  const plural = new Intl.PluralRules(lang).select(count);
  const usual = of === 'viewers' ? '' : plural === 'one' ? ' person' : ' people';
  return (labels[plural] || labels.other || `{count}${usual} viewing`).replace(
    '{count}',
    Math.min(count, max).toLocaleString(lang, { notation: format || 'standard' }) +
      (count > max ? '+' : ''),
  );
};
