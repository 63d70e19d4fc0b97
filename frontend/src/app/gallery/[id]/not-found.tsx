import { Gone } from "@/features/published/gone";

export default Gone;
