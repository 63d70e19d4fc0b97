/** The tags of a text with commas, each once, as the gateway stores them: lower case, without "#". */
export function tagsOf(text: string): string[] {
  const tags = text.split(",").map((tag) => tag.trim().replace(/^#/, "").trim().toLowerCase());
  return [...new Set(tags.filter(Boolean))];
}
