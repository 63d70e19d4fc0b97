import { Landing } from "@/features/landing/landing";
import { PublicGallery } from "@/features/published/public-gallery";

export default function Page() {
  return <Landing samples={<PublicGallery />} />;
}
