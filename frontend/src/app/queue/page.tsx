import { pageTitle } from "@/app/page-title";
import { QueuePage } from "./queue-page";

export const generateMetadata = pageTitle((messages) => messages.shell.queue);

export default function Page() {
  return <QueuePage />;
}
