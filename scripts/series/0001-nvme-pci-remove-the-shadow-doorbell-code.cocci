// SPDX-License-Identifier: GPL-2.0
// Subject: nvme-pci: remove the shadow doorbell code
//
// Write the doorbell register for each submission queue tail and each
// completion queue head again, as the driver did before it learned about the
// Doorbell Buffer Config command.
//
// This gives a known baseline, both to add a separate implementation to and
// to measure it against. No controller needs shadow doorbells to work.
//
// Files: drivers/nvme/host/pci.c
// Matches: supported 0|1
// Matches: guarded 2
// Matches: called 5|9
// Matches: defined 8
// Matches: index 2
// Matches: members 8

// Kernels before 6.2 look at the support bit where they allocate the pages.
@supported@
expression E;
position p;
@@
- if (E@p & NVME_CTRL_OACS_DBBUF_SUPP) { ... }

@guarded@
position p;
statement S;
@@
- if (nvme_dbbuf_update_and_check_event@p(...))
  S

@called@
identifier f =~ "^nvme_dbbuf_";
position p;
@@
- f@p(...);

@defined@
identifier f =~ "^nvme_dbbuf_";
position p;
@@
- f@p(...) { ... }

@index@
identifier f = {sq_idx, cq_idx};
position p;
@@
- f@p(...) { ... }

@members@
identifier s = {nvme_dev, nvme_queue};
identifier m =~ "^dbbuf_";
position p;
type T;
@@
 struct s {
 	...
-	T m@p;
 	...
 };
