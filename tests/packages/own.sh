# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# For the guests of tests/kvm/debian: Debian's own module.

kver=$(uname -r)

# own_running: it is the driver that the machine has booted with, from NVMe
own_running()
{
	mount | grep -q '^/dev/nvme0n1 on / ' ||
		fail "the root file system is not on NVMe: $(mount)"
	[ -d /sys/kernel/debug/block ] || fail "there is no debugfs"
	[ -e /sys/module/nvme/parameters/dbbuf ] && fail "the running driver is ours"
	[ -e /sys/kernel/debug/nvme-dbbuf ] && fail "the running driver has our debugfs"
	_running=$(cat /sys/module/nvme/srcversion)
	_own=$(modinfo -F srcversion "/lib/modules/$kver"/kernel/drivers/nvme/host/nvme.ko*)
	[ "${_running:-none}" = "$_own" ] ||
		fail "the running driver is '$_running', not Debian's '$_own'"
}

# own_next: it is what the next boot will find, and nothing of the package
own_next()
{
	case $(modinfo -n nvme) in
	*/kernel/drivers/nvme/host/nvme.ko*) ;;
	*) fail "modprobe would load $(modinfo -n nvme)" ;;
	esac
	lsinitramfs "/boot/initrd.img-$kver" > /tmp/listed
	grep -q '/kernel/drivers/nvme/host/nvme\.ko' /tmp/listed ||
		fail "there is no nvme in the initramfs"
	grep -E '/updates/|nvme-dbbuf' /tmp/listed > /tmp/ours &&
		fail "still in the initramfs: $(cat /tmp/ours)"
	[ -z "$(dkms status 2>/dev/null)" ] || fail "dkms still has $(dkms status)"
	_left=$(find /lib/modules/ /usr /var/lib/dkms /var/lib/nvme-dbbuf -path '*nvme-dbbuf*' \
		2>/dev/null)
	[ -z "$_left" ] || fail "left behind: $_left"
}
