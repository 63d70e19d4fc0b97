// The address in mails.
export { default, generateMetadata } from "../verify/page";
