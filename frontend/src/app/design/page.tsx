import { notFound } from "next/navigation";
import { DesignPage } from "./design-page";

/** Every component in every state. In development, or where a build for tests enables it. */
export default function Page() {
  if (process.env.NODE_ENV === "production" && process.env.AURA_DESIGN_PAGE !== "1") notFound();
  return <DesignPage />;
}
