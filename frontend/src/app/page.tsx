import { Landing } from "@/features/landing/landing";
import { Samples } from "@/features/landing/samples";

export default function Page() {
  return <Landing samples={<Samples />} />;
}
