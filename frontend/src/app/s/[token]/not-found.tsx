import { Gone } from "@/features/published/gone";

export default function NotFound() {
  return <Gone />;
}
