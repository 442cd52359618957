# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the guest tests share; busybox sh.  A test sources it, does its work and
# ends with `pass [WHAT]`, `fail REASON` or `skip REASON`.  The first of these is the
# verdict.  A test that just ends has failed.
#
# A test opens with comment lines that tests/kvm/run reads on the host:
#   # test: one line that says what it proves	(mandatory)
#   # drive: null, a size, or file:size		(default null)
#   # timeout: seconds				(default 120)
#   # smp: virtual CPUs				(default 2)
#   # boots: kernels that run, one after the other	(default 1); for more there
#   #	are /kernel/bzImage and kexec
#   # python: a Python program of the project, to be bin/NAME; python3 is there, too
#   # nvme-device: options of the programmable device	(default: QEMU's nvme)
#   # allow: regular expression of kernel log lines that it may cause (any number)
#
# Variables: whatever --env gave, and
#   TEST_PARAMS, TEST_CORE_PARAMS	module parameters of nvme and nvme_core
#   DRIVER	directory of the driver in use; driver_use changes it
#   DEV, CTRL	the namespace's block device, and the controller

DEV=/dev/nvme0n1
CTRL=nvme0
DRIVER=/modules
CPUS=$(grep -c '^processor' /proc/cpuinfo)

cd /tmp || exit 1
printf '<5>nvme-dbbuf: the test begins\n' > /dev/kmsg

# --- talking to the runner ---------------------------------------------------

say()
{
	printf '%s\n' "$*" >&3
}

# ask REQUEST: the runner's answer, in $answer
ask()
{
	say "$*"
	read -r answer <&3 || fail "the runner does not answer"
	case $answer in
	error*) fail "the runner answers $*: $answer" ;;
	esac
}

note()
{
	say "note $*"
}

# result NAME JSON
result()
{
	say "result $*"
}

_verdict()
{
	if ! [ -e /run/verdict ]; then
		: > /run/verdict
		say "verdict $*"
	fi
	exit 0
}

# pass [WHAT]
# shellcheck disable=SC2120 # most tests have nothing to add
pass()
{
	dma_check
	_verdict pass "$*"
}

fail()
{
	_verdict fail "$*"
}

skip()
{
	_verdict skip "$*"
}

# count_begin NAME ... count_end NAME: what the device saw in between, in these
# variables (tests/kvm/lib/counter.py and region.py say what they mean); `na` where
# QEMU or the device has no such event
# shellcheck disable=SC2034 # for the tests
{
	c_sq_mmio=na c_cq_mmio=na c_admin_sq_mmio=na c_admin_cq_mmio=na
	c_reads=na c_writes=na c_opc_7c=na c_dbbuf_config=na
	c_sq_shadow=na c_cq_shadow=na c_sq_eventidx=na c_cq_eventidx=na
	c_enables=na c_faults=na c_acted=na c_interrupts=na c_stride=na
	c_sq_queues=na c_cq_queues=na c_qemu_sq_queues=na c_qemu_cq_queues=na
	c_cpu_guest=na c_cpu_qemu=na c_cpu_device=na c_instructions=na
}
count_begin()
{
	ask "count begin $1"
}

count_end()
{
	ask "count end $1"
	counts_take
}

# cpu_begin ... cpu_end: microseconds that the host has spent on the machine in between,
# and instructions, when they are counted (--instructions)
cpu_begin()
{
	ask "cpu begin"
}

cpu_end()
{
	ask "cpu end"
	counts_take
}

counts_take()
{
	for _count in ${answer#counts }; do
		eval "c_$_count"
	done
}

# qmp JSON: one request to QEMU; its answer in $answer
qmp()
{
	ask "qmp $*"
}

# device arm [FAULT...], device disarm: the faults of the programmable device; those that
# it was started with, or others
device()
{
	ask "device $*"
}

# --- small things ------------------------------------------------------------

# wait_for SECONDS COMMAND...: until COMMAND succeeds
wait_for()
{
	_tries=$(($1 * 10))
	shift
	until "$@"; do
		_tries=$((_tries - 1))
		[ $_tries -gt 0 ] || return 1
		sleep 0.1
	done
}

# clock: hundredths of a second since boot, in $clock
clock()
{
	read -r _up _ < /proc/uptime
	# 1 before the two digits: 08 would be an octal number
	clock=$((${_up%.*} * 100 + 1${_up#*.} - 100))
}

# now: the same, printed
now()
{
	clock
	echo "$clock"
}

# --- memory ------------------------------------------------------------------

# What a debug kernel keeps stack traces in, and never gives back.
_traces_kb()
{
	[ -e /sys/kernel/debug/stackdepot/stats ] || { echo 0; return; }
	awk '$1 == "pools:" { print 16 * $2 }' /sys/kernel/debug/stackdepot/stats
}

# memory_free: kilobytes, all that can be given back counted in: caches, half
# empty slabs (and what KASAN holds back of them), the CPUs' own lists of pages.
# Files here are shared memory.  All of it is of one read, as pages move between the
# lists, after each CPU has added what it had counted for itself: some 200 kB.
memory_free()
{
	rm -f /tmp/*.json
	sync
	echo 3 > /proc/sys/vm/drop_caches
	for _slab in /sys/kernel/slab/*/shrink; do
		echo 1 2>/dev/null > "$_slab"
	done
	echo 1 > /proc/sys/vm/stat_refresh
	awk '$1 == "nr_shmem" || $1 == "count:" { kb += 4 * $2 }
	     $1 == "pages" && $2 == "free" { kb += 4 * $3 }
	     END { print kb }' /proc/zoneinfo
}

# Slab caches: objects in use, and their size; nothing but on kernels that can tell.
_objects()
{
	[ ! -r /proc/slabinfo ] || awk 'NR > 2 { print $1, $2, $4 }' /proc/slabinfo
}

# Caches of what the kernel keeps for itself: of address ranges, see soak.config, and of
# what a debug kernel watches.
KEPT=' vmap_area debug_objects_cache '

# All other caches that have grown: objects more, cache, size of one; what became less
# in some is no cycle's, and makes up for nothing.
_objects_growth()
{
	awk -v kept="$KEPT" 'NR == FNR { before[$1] = $2; next }
		!index(kept, " " $1 " ") && $2 > before[$1] {
			print $2 - before[$1], $1, $3
		}' /run/objects /run/objects.now | sort -rn
}

# memory_begin ... memory_end CYCLES: memory must not get less with each cycle. One page
# a cycle, or one object of any cache in two, shows from some hundred cycles on; below
# that chance is as large, as looking takes memory as well: so it is done in the same way
# at both ends, and more than once: what is lost is not there in any look, so the one that
# finds most counts. Of slabs it is the objects that count, not how full they leave each
# one. What the kernel keeps for itself, and a debug kernel of the ways that memory was
# taken, is no cycle's, but comes with time.
memory_begin()
{
	_free=0
	_memory_look 4
	memory_before=$_free memory_traces=$_kept_traces
	mv /run/objects.now /run/objects
	mv /run/meminfo.now /run/meminfo
}

# _memory_look TIMES: more than $_free
_memory_look()
{
	_looks=$1
	while [ "$_looks" -gt 0 ]; do
		_looks=$((_looks - 1))
		# Some things are freed late.
		sleep 1
		_now=$(memory_free)
		[ "$_now" -gt "$_free" ] || continue
		_free=$_now
		_kept_traces=$(_traces_kb)
		_objects > /run/objects.now
		cat /proc/meminfo > /run/meminfo.now
	done
}

# Lines of /proc/meminfo that have changed: kilobytes more, name
_meminfo_changes()
{
	awk 'NR == FNR { before[$1] = $2; next }
	     $2 != before[$1] { print $2 - before[$1], $1 }' /run/meminfo /run/meminfo.now
}

# _meminfo_growth NAME
_meminfo_growth()
{
	_meminfo_changes | awk -v name="$1:" '$2 == name { kb = $1 } END { print kb + 0 }'
}

memory_end()
{
	_free=0
	_memory_look 4
	[ $((memory_before - _free)) -le 128 ] || _memory_look 20
	_vmalloc=$(_meminfo_growth VmallocUsed)
	_slab=$(_meminfo_growth Slab)
	_caches=$(_objects_growth)
	_objects_kb=$(echo "$_caches" | awk '{ bytes += $1 * $3 } END { print int(bytes / 1024) }')
	[ -s /run/objects ] || _objects_kb=$_slab
	_traces=$((_kept_traces - memory_traces))
	_lost=$((memory_before - _free))
	_others=$((_lost - _slab - _traces))
	_gone=$((_others + _objects_kb))
	_most=$(echo "$_caches" | awk 'NR == 1 { print $2 ": " $1 + 0 }')
	echo "objects more in use, cache, size of one:"
	echo "$_caches" | head -n 6
	echo "kilobytes more, /proc/meminfo:"
	_meminfo_changes
	result memory "{\"cycles\": $1, \"before_kb\": $memory_before, \"lost_kb\": $_lost," \
		"\"gone_kb\": $_gone," \
		"\"slab_growth_kb\": $_slab, \"objects_growth_kb\": $_objects_kb," \
		"\"vmalloc_growth_kb\": $_vmalloc, \"stack_traces_growth_kb\": $_traces," \
		"\"most_objects\": \"$_most\"}"
	[ "$_vmalloc" -le 64 ] || fail "$_vmalloc kB more of vmalloc's memory in use after $1 cycles"
	[ $_gone -le 256 ] || fail "$_gone kB of memory are gone after $1 cycles:" \
		"$_others of pages, $_objects_kb of slabs' objects"
	[ "${_most#*: }" -le $((192 + $1 / 2)) ] ||
		fail "$_most objects more in use after $1 cycles"
}

LEAKS=/sys/kernel/debug/kmemleak

# leaks: what kmemleak finds. An object is reported when it is older than five seconds
# and has not changed between two scans.
leaks()
{
	sleep 6
	for _try in 1 2; do
		echo scan > $LEAKS || fail "kmemleak does not scan"
	done
	cat $LEAKS
}

# --- DMA ---------------------------------------------------------------------

# With tests/kvm/run --dma WAY, no test passes in which the device's data did not
# go that way.

# dma_begin: before the driver is loaded
dma_begin()
{
	case ${DMA:-} in
	'') return ;;
	iommu)	_dma_event=iommu/map _dma_filter=0 ;;
	swiotlb) _dma_event=swiotlb/swiotlb_bounced
		 _dma_filter="dev_name == \"$(pci_device)\"" ;;
	*) fail "--dma $DMA is not known here" ;;
	esac
	[ -e /tmp/tracing ] && return
	mkdir /tmp/tracing
	mount -t tracefs tracing /tmp/tracing || fail "there is no tracefs"
	echo "$_dma_filter" > "/tmp/tracing/events/$_dma_event/filter"
	echo 1 > "/tmp/tracing/events/$_dma_event/enable" || fail "there is no event $_dma_event"
}

dma_check()
{
	[ -n "${DMA:-}" ] || return 0
	case $DMA in
	iommu)
		_type=$(cat "/sys/bus/pci/devices/$(pci_device)/iommu_group/type")
		case $_type in
		DMA | DMA-FQ) ;;
		*) fail "the device's DMA is not translated: its IOMMU group is '$_type'" ;;
		esac
		_dma_lines=': map: ' ;;
	swiotlb)
		_dma_lines=': swiotlb_bounced: ' ;;
	esac
	_dma_seen=$(grep -c "$_dma_lines" /tmp/tracing/trace)
	[ "${_dma_seen:-0}" -gt 0 ] || fail "no DMA of the device went through $DMA"
	result dma "{\"way\": \"$DMA\", \"events\": $_dma_seen}"
}

# --- the driver --------------------------------------------------------------

# driver_use NAME: take the driver given by --modules NAME=DIR
driver_use()
{
	DRIVER=/variants/$1
	[ -e "$DRIVER/nvme.ko" ] || fail "no driver $1; give --modules $1=DIR"
}

driver_kind()
{
	cat "$DRIVER/kind"
}

# pci_device: the address of the nvme device, bound to a driver or not
pci_device()
{
	for _dir in /sys/bus/pci/devices/*; do
		if [ "$(cat "$_dir/class")" = 0x010802 ]; then
			echo "${_dir##*/}"
			return
		fi
	done
	fail "this machine has no nvme device"
}

# driver_insert PARAM...: load the modules; fails as insmod does
driver_insert()
{
	dma_begin
	while read -r _module; do
		[ -d "/sys/module/$(echo "${_module%.ko}" | tr - _)" ] ||
			insmod "/modules/$_module" || return
	done < /modules/order
	if ! [ -d /sys/module/nvme_core ]; then
		# shellcheck disable=SC2086 # a list of words
		insmod "$DRIVER/nvme-core.ko" $TEST_CORE_PARAMS || return
	fi
	# shellcheck disable=SC2086 # a list of words
	insmod "$DRIVER/nvme.ko" $TEST_PARAMS "$@" || return
	# The kernel ignores what it does not know.
	for _param in $TEST_CORE_PARAMS; do
		_value=$(cat "/sys/module/nvme_core/parameters/${_param%%=*}")
		case $_value in
		"${_param#*=}" | Y | N) ;;
		*) fail "$_param: it is '$_value'" ;;
		esac
	done
}

# driver_load PARAM...: load the modules and wait for the block device
# shellcheck disable=SC2120 # most tests have no parameters to add
driver_load()
{
	driver_insert "$@" || fail "the nvme modules cannot be loaded"
	device_wait
}

device_wait()
{
	# What an earlier controller of this name has counted.
	rm -f /tmp/counters
	wait_for 30 [ -b "$DEV" ] || fail "no $DEV after 30 seconds"
}

driver_unload()
{
	rmmod nvme nvme_core || fail "the nvme modules cannot be unloaded"
}

# shellcheck disable=SC2317 # called by wait_for
_live()
{
	[ "$(cat "/sys/class/nvme/$CTRL/state")" = live ]
}

controller_wait()
{
	wait_for 90 _live ||
		fail "the controller is not live but $(cat "/sys/class/nvme/$CTRL/state")"
}

# reset_by ioctl|sysfs: one controller reset, finished on return
reset_by()
{
	case $1 in
	ioctl) nvme reset "/dev/$CTRL" ;;
	sysfs) echo 1 > "/sys/class/nvme/$CTRL/reset_controller" ;;
	esac || fail "the controller cannot be reset by $1"
	controller_wait
}

# device_supports: does the device announce Doorbell Buffer Config, in a way that this
# driver believes?
device_supports()
{
	_oacs=$(nvme id-ctrl "/dev/$CTRL" | awk '$1 == "oacs" { print $3 }')
	[ -n "$_oacs" ] || fail "the controller cannot be identified"
	case $(cat /sys/module/nvme/parameters/dbbuf 2>/dev/null) in
	bit7) [ $((_oacs & 0x180)) -ne 0 ] ;;
	*) [ $((_oacs & 0x100)) -ne 0 ] ;;
	esac
}

# dbbuf_state: the driver's own word for it; empty when it has none to say
dbbuf_state()
{
	awk 'NR == 1 { print $1 }' "/sys/kernel/debug/nvme-dbbuf/$CTRL/state" 2>/dev/null
}

# expect_state WORD: our driver must be in that state; others have none
expect_state()
{
	[ "$(driver_kind)" = series ] || return 0
	_state=$(dbbuf_state)
	[ "$_state" = "$1" ] || fail "debugfs says '$_state', expected '$1'"
}

# --- the driver's counters ---------------------------------------------------

QUEUES=/sys/kernel/debug/nvme-dbbuf/$CTRL/queues

# counters_check: of each doorbell, no more was rung than published, and since the last
# check no counter went back. What was suppressed is the difference of the two, and no
# proof of anything: counters_end holds them against the device, the test `sight` against
# tracepoints.  Other drivers have no counters.
counters_check()
{
	[ "$(driver_kind)" = series ] || return 0
	cat "$QUEUES" > /tmp/counters.new || fail "the driver shows no counters"
	_attached=$(sed -n 's/^[a-z]* (\([0-9]*\) I.O queues)$/\1/p' \
		"/sys/kernel/debug/nvme-dbbuf/$CTRL/state")
	[ -e /tmp/counters ] || : > /tmp/counters
	awk -v attached="${_attached:-0}" '
		NF != 10 || $3 != "published" || $5 != "rung" || $7 != "suppressed" ||
		$9 != "recovered" || $2 !~ /^[sc]q$/ { print "not understood: " $0; next }
		FILENAME == "/tmp/counters" { published[$1 $2] = $4; rung[$1 $2] = $6; next }
		{ doorbells++ }
		$4 != $6 + $8 || $6 > $4 { print "do not add up: " $0 }
		$4 < published[$1 $2] || $6 < rung[$1 $2] { print "went back: " $0 }
		END {
			if (doorbells < 2 * attached)
				print doorbells + 0 " doorbells of " attached " queues"
		}
	' /tmp/counters /tmp/counters.new > /tmp/counters.bad
	[ -s /tmp/counters.bad ] && fail "counters: $(head -n 1 /tmp/counters.bad)"
	mv /tmp/counters.new /tmp/counters
}

# counter sq|cq published|rung|recovered|mmio [QID...]: a sum of the last check, over
# all queues or those that are named; mmio is all that was written to registers
counter()
{
	_type=$1 _what=$2
	shift 2
	awk -v type="$_type" -v what="$_what" -v qids=" $* " '
		$2 == type && (qids == "  " || index(qids, " " $1 " ")) {
			if (what == "published")
				sum += $4
			if (what == "rung" || what == "mmio")
				sum += $6
			if (what == "recovered" || what == "mmio")
				sum += $10
		}
		END { print sum + 0 }' /tmp/counters
}

# recoveries: how often a doorbell was written on suspicion, until now
recoveries()
{
	counters_check
	echo $(($(counter sq recovered) + $(counter cq recovered)))
}

# counters_begin NAME ... counters_end NAME: a count window during which shadow
# doorbells stay in use or out of use; what the driver has counted meanwhile must
# be what the device has seen, and that what QEMU has, of each queue. A driver counts no
# doorbell of a queue without a shadow.  With QEMU's ioeventfd=on, said by
# --env IOEVENTFD=1, the device sees no register, but is told that there is something
# to look for.
counters_begin()
{
	if [ "$(driver_kind)" = series ]; then
		counters_check
		cp /tmp/counters /tmp/counters.begin
		_sq_mmio=$(counter sq mmio) _cq_mmio=$(counter cq mmio)
		_sq_published=$(counter sq published) _cq_published=$(counter cq published)
	fi
	count_begin "$1"
}

# _rung_since sq|cq: by the driver, in the window; QID:NUMBER,... as the runner says it
_rung_since()
{
	awk -v type="$1" '
		$2 != type { next }
		FILENAME == "/tmp/counters.begin" { was[$1] = $6 + $10; next }
		$6 + $10 > was[$1] {
			all = all between $1 ":" $6 + $10 - was[$1]
			between = ","
		}
		END { print all ? all : "-" }' /tmp/counters.begin /tmp/counters
}

# each_queue_counted LIST: there are counts in it of as many queues as CPUs
each_queue_counted()
{
	[ "$(echo "$1" | tr , '\n' | grep -c :)" = "$CPUS" ]
}

counters_end()
{
	count_end "$1"
	case $c_qemu_sq_queues/$c_qemu_cq_queues in
	"$c_sq_queues/$c_cq_queues" | na/na) ;;
	*)
		fail "$1: the device saw sq $c_sq_queues cq $c_cq_queues," \
			"QEMU sq $c_qemu_sq_queues cq $c_qemu_cq_queues" ;;
	esac
	[ "$(driver_kind)" = series ] || return 0
	counters_check
	_sq_mmio=$(($(counter sq mmio) - _sq_mmio))
	_cq_mmio=$(($(counter cq mmio) - _cq_mmio))
	_sq_published=$(($(counter sq published) - _sq_published))
	_cq_published=$(($(counter cq published) - _cq_published))
	case $(dbbuf_state) in
	active | distrusted) ;;
	*)
		[ $((_sq_published + _cq_published)) = 0 ] ||
			fail "$1: published without shadow doorbells: $(cat "$QUEUES")"
		return ;;
	esac
	_rang="sq $(_rung_since sq) cq $(_rung_since cq)"
	_seen="sq $c_sq_queues cq $c_cq_queues"
	if [ -n "${IOEVENTFD:-}" ]; then
		[ "$_seen" = 'sq - cq -' ] ||
			fail "$1: the device saw $_seen, but should see none"
	elif [ "$_seen" != "$_rang" ]; then
		fail "$1: the driver rang $_rang, the device saw $_seen"
	fi
	_commands=$((c_reads + c_writes))
	for _published in $_sq_published $_cq_published; do
		if [ "$_published" = 0 ] || [ "$_published" -gt $_commands ]; then
			fail "$1: published $_sq_published + $_cq_published positions" \
				"in $_commands commands"
		fi
	done
	result counters "{\"window\": \"$1\", \"commands\": $_commands," \
		"\"sq_published\": $_sq_published, \"cq_published\": $_cq_published," \
		"\"sq_mmio\": $_sq_mmio, \"cq_mmio\": $_cq_mmio}"
}

# shadow_wanted: does this driver with these parameters use shadow doorbells
# on a device that offers them?
shadow_wanted()
{
	case $(driver_kind)/$(cat /sys/module/nvme/parameters/dbbuf 2>/dev/null) in
	plain/* | series/off*) return 1 ;;
	esac
}

# expect_shadow: our driver is at work on a device that offers the feature
expect_shadow()
{
	! shadow_wanted || ! device_supports || expect_state active
}

# --- I/O under way -----------------------------------------------------------

in_flight()
{
	read -r _reading _writing < "/sys/block/${DEV#/dev/}/inflight"
	[ $((_reading + _writing)) -gt 0 ]
}

# completed: reads and writes that have ended
completed()
{
	read -r _reads _ _ _ _writes _ < "/sys/block/${DEV#/dev/}/stat"
	echo $((_reads + _writes))
}

# shellcheck disable=SC2317 # called by wait_for
_goes_on()
{
	[ "$(completed)" != "$_completed" ] || ! kill -0 "$_job" 2>/dev/null
}

# expect_progress JOB WHEN: more I/O completes, unless process JOB is through
expect_progress()
{
	_job=$1
	_completed=$(completed)
	wait_for 10 _goes_on || fail "no I/O ends after $2"
}

# --- fio ---------------------------------------------------------------------

# amount MEGABYTES: that much, or less of it in a debug kernel, which is many times
# slower; for I/O that is there to be interrupted
amount()
{
	if [ -e /proc/lockdep ]; then
		echo $((($1 + 3) / 4))
	else
		echo "$1"
	fi
}

_seed_base=$(od -An -N3 -tu4 /dev/urandom)

# fio_seed: another one each time, in $seed
fio_seed()
{
	clock
	seed=$((_seed_base + clock + 1))
}

# fio_pattern SEED: options of two fio runs of which the latter verifies what the former has
# written. Of a block's checksum alone any other run's block would be right as well.
fio_pattern()
{
	printf -- '--randseed=%u --verify=pattern --verify_pattern=0x%08x%%o' "$1" "$1"
}

# fio_run NAME OPTION...: one fio run on the device, its figures for fio_get. Its data is
# its own: what an earlier one has written does not verify. A run that is to verify what
# another one wrote takes the same --randseed=N as that.
fio_run()
{
	_job=$1
	shift
	: > "/tmp/$_job.json"
	fio_seed
	fio --name="$_job" --filename="$DEV" --direct=1 --group_reporting \
		--randseed="$seed" --output-format=json --output="/tmp/$_job.json" "$@"
}

# fio_get NAME read|write|- KEY: one figure of the last run of that name
fio_get()
{
	awk -v section="\"$2\"" -v key="\"$3\"" '
		/^    "|^\t"|^  "jobs"/ && $1 == "\"jobs\"" { jobs = 1; inside = section == "\"-\"" }
		jobs && $1 == section && $3 == "{" { inside = 1 }
		inside && $1 == key { gsub(/[,"]/, "", $3); print $3; exit }
	' "/tmp/$1.json"
}

# verify NAME MEGABYTES OPTION...: write that much in each of $CPUS jobs, each
# to its own part of the device, read all of it back and compare checksums
verify()
{
	_name=$1
	_size=$(($2 << 20))
	shift 2
	fio_run "$_name" --numjobs="$CPUS" --size=$_size --offset_increment=$_size \
		--verify=crc32c --do_verify=1 --verify_fatal=1 --verify_state_save=0 \
		"$@" || fail "$_name: fio reports an error"
	_all=$((_size * CPUS))
	_wrote=$(fio_get "$_name" write io_bytes)
	_read=$(fio_get "$_name" read io_bytes)
	[ "$_wrote" = $_all ] || fail "$_name: wrote '$_wrote' bytes of $_all"
	[ "$_read" = $_all ] || fail "$_name: verified '$_read' bytes of $_all"
}
