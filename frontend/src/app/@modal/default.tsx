/** Nothing is open above the page. */
export default function Nothing() {
  return null;
}
