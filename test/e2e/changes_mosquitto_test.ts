import { testChanges } from "./changes.ts";

testChanges("mosquitto");
