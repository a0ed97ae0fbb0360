import { testChanges } from "./changes.ts";

testChanges("embedded");
