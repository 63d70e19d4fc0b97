/** The end of an id: its beginning is a time, which neighbours share. The whole id is its title. */
export function ShortId({ id }: { id: string | null }) {
  return id ? (
    <code title={id} className="whitespace-nowrap">
      {short(id)}
    </code>
  ) : null;
}

export function short(id: string | null): string {
  return id ? `…${id.slice(-8)}` : "";
}
