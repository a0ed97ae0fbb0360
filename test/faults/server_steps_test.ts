import { testSteps } from "./steps.ts";

// The calls of a commit, in the order in which it begins to make them; SQLite writes and flushes.
testSteps({
  who: "the server",
  victim: (world) => world.server,
  steps: [
    { what: "directory made", calls: "mkdir", stride: 8 },
    { what: "write of intent and journal", calls: "pwrite64", stride: 16 },
    { what: "flush of intent and journal", calls: "fsync", stride: 2 },
    { what: "flush of a staged file", calls: "fdatasync", threads: true },
    { what: "link into history", calls: "linkat" },
    { what: "rename", calls: "rename", stride: 4 },
    { what: "mode", calls: "chmod", stride: 4 },
    { what: "directory removed", calls: "rmdir" },
    {
      what: "removal of a stage",
      calls: "unlinkat",
      threads: true,
      stride: 2,
    },
  ],
});
