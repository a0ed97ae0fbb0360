import { testSteps } from "./steps.ts";

// `a` hands its edits in; `b` takes them in, and hands in one that conflicts.
testSteps({
  who: "the client that sends",
  victim: (world) => world.client("a").process,
  steps: [
    { what: "write of its record", calls: "pwrite64", stride: 8 },
    {
      what: "end of a call of rsync",
      calls: "unlinkat",
      threads: true,
      stride: 4,
    },
    { what: "start of a call of rsync", calls: "fchmod", stride: 2 },
  ],
});

testSteps({
  who: "the client that receives",
  victim: (world) => world.client("b").process,
  steps: [
    { what: "write of intent and record", calls: "pwrite64", stride: 14 },
    { what: "directory made", calls: "mkdir", stride: 5 },
    { what: "flush of a staged file", calls: "fdatasync", threads: true },
    {
      what: "link to its place, aside, or conflict copy",
      calls: "linkat",
      stride: 2,
    },
    { what: "rename", calls: "rename", stride: 2 },
    { what: "removal of a staged name", calls: "unlink", stride: 2 },
    { what: "mode", calls: "chmod", stride: 3 },
  ],
});
