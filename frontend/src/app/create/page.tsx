import { pageTitle } from "@/app/page-title";
import { Studio } from "./studio";

export const generateMetadata = pageTitle((messages) => messages.shell.create);

export default function Page() {
  return <Studio />;
}
