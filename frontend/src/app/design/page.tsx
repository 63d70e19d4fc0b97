import { notFound } from "next/navigation";
import { Gallery } from "./design-page";

/** Every component in every state. In development, or where a build for tests asks for it. */
export default function Page() {
  if (process.env.NODE_ENV === "production" && process.env.AURA_DESIGN_PAGE !== "1") notFound();
  return <Gallery />;
}
