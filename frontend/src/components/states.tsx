/** What a page shows when it has no content. In files of their own: a page loads those that it uses. */
export { ErrorView } from "./error-view";
export { RequestId } from "./request-id";
export { Skeleton, StateView } from "./state-view";
export { useErrorText } from "./use-error-text";
