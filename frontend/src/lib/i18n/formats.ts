/** The formats that messages name, such as `{date, date, medium}`. The formatter of compiled messages has none of its own. */
export const FORMATS = {
  dateTime: {
    medium: { day: "numeric", month: "short", year: "numeric" },
    long: { day: "numeric", month: "long", year: "numeric" },
  },
} as const;
