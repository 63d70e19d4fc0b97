type Persisted = { persist: { rehydrate: () => Promise<void> | void; getOptions: () => { name?: string } } };

/** Reads what is stored on this device, and again what other tabs write, which this one would undo with its next change. */
export function followStorage({ persist }: Persisted): () => void {
  void persist.rehydrate();
  const onStorage = ({ key }: StorageEvent) => {
    if (key === persist.getOptions().name) void persist.rehydrate();
  };
  addEventListener("storage", onStorage);
  return () => removeEventListener("storage", onStorage);
}
