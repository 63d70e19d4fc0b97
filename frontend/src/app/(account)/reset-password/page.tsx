// The address in mails.
export { default, generateMetadata } from "../reset/page";
