import { Landing } from "@/features/landing/landing";
import { PublicSamples } from "@/features/videos/public-samples";

export default function Page() {
  return <Landing samples={<PublicSamples />} />;
}
