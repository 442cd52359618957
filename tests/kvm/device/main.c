// SPDX-License-Identifier: GPL-2.0
/*
 * nvme-device's command line and main loop.  See --help, and device.h for how the
 * program is laid out.
 *
 * Contract: stdout is "ready" when the socket can be connected to, and the
 * account as JSON unless it goes to a file. The socket is removed on every exit
 * that a program can notice, a bus error in guest memory included.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "device.h"

enum {
	SECOND_NS = 1000000000,
	MAX_SERIAL = 20,
};

static struct device device;

__u64 now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (__u64)time.tv_sec * SECOND_NS + time.tv_nsec;
}

static void print_help(void)
{
	puts("Usage: nvme-device [OPTION]... SOCKET\n"
	     "\n"
	     "Serve one NVMe controller over the vfio-user protocol, for QEMU >= 10.1:\n"
	     "  -object memory-backend-memfd,id=mem,size=1G,share=on\n"
	     "  -machine q35,memory-backend=mem\n"
	     "  -device '{\"driver\":\"vfio-user-pci\",\"x-no-posted-writes\":true,\n"
	     "            \"socket\":{\"type\":\"unix\",\"path\":\"SOCKET\"}}'\n"
	     "\n"
	     "  --personality NAME  how doorbells are treated, see below (qemu)\n"
	     "  --fault NAME[=N]    a fault, see below; any number of them\n"
	     "  --disarmed          faults wait for SIGUSR2, which arms and disarms them\n"
	     "  --faults-file FILE  in place of --fault: faults as there, one in a line, read\n"
	     "                      when SIGUSR2 arms them; what is wrong there is refused\n"
	     "  --backing WHERE     null: nowhere, memory, or the path of a file\n"
	     "                      (memory; null for the personality that has no storage)\n"
	     "  --size BYTES        what null and memory hold; K, M and G may follow (1G)\n"
	     "  --queues N          I/O queue pairs, 1 to 1023 (64)\n"
	     "  --depth N           entries of a queue, 2 to 65536 (1024)\n"
	     "  --dstrd N           CAP.DSTRD, 0 to 10 (0)\n"
	     "  --spin US           a polling device looks all the time until there was nothing\n"
	     "                      to see for so long (200)\n"
	     "  --idle US           its pause between two looks from then on; 0: none (50)\n"
	     "  --seed N            of all that is random (1)\n"
	     "  --serial TEXT       serial number, and what has to be unique comes of it\n"
	     "                      (nvme-dbbuf)\n"
	     "  --json FILE         account there, not to stdout; written at the end and\n"
	     "                      at SIGUSR1\n"
	     "  --keep              serve the next client when one has left\n"
	     "  --help              this text\n"
	     "\n"
	     "Personalities:");
	personality_list(stdout);
	puts("\nFaults, with the number that is taken when none is given:");
	fault_list(stdout);
	puts("\nExit codes: 0 ended by a signal or by the client's leaving, 2 usage, 69\n"
	     "infrastructure.");
}

static bool parse_number(const char *option, const char *text, __u64 least, __u64 most,
			 __u64 *result)
{
	char *end;

	errno = 0;
	*result = strtoull(text, &end, 0);
	if (end != text && !errno && *end && !end[1]) {
		const char *units = "KMG", *unit = strchr(units, *end);

		if (unit && *result < 1ull << 33) {
			*result <<= 10 * (unit - units + 1);
			end++;
		}
	}
	if (errno || *end || end == text || *text == '-' ||
	    *result < least || *result > most) {
		complain("--%s takes a number from %llu to %llu, not '%s'", option,
			 least, most, text);
		return false;
	}
	return true;
}

static int parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "backing", required_argument, NULL, 'b' },
		{ "depth", required_argument, NULL, 'd' },
		{ "disarmed", no_argument, NULL, 'D' },
		{ "dstrd", required_argument, NULL, 't' },
		{ "fault", required_argument, NULL, 'f' },
		{ "faults-file", required_argument, NULL, 'F' },
		{ "help", no_argument, NULL, 'h' },
		{ "idle", required_argument, NULL, 'i' },
		{ "json", required_argument, NULL, 'j' },
		{ "keep", no_argument, NULL, 'k' },
		{ "personality", required_argument, NULL, 'p' },
		{ "queues", required_argument, NULL, 'q' },
		{ "seed", required_argument, NULL, 's' },
		{ "serial", required_argument, NULL, 'N' },
		{ "size", required_argument, NULL, 'S' },
		{ "spin", required_argument, NULL, 'P' },
		{ }
	};
	const struct faults none = { };
	__u64 value = 0;
	int option, index = 0;

	*options = (struct options){
		.personality = personality_find("qemu"),
		.size = 1 << 30,
		.pairs = 65,
		.depth = 1024,
		.seed = 1,
		.serial = "nvme-dbbuf",
		.idle_us = 50,
		.spin_us = 200,
	};
	while ((option = getopt_long(argc, argv, "h", known, &index)) >= 0) {
		const char *name = known[index].name;

		switch (option) {
		case 'b':
			options->backing = optarg;
			break;
		case 'd':
			if (!parse_number(name, optarg, 2, 65536, &value))
				return EXIT_USAGE;
			options->depth = value;
			break;
		case 'D':
			options->disarmed = true;
			break;
		case 'f':
			if (fault_add(&options->faults, optarg))
				return EXIT_USAGE;
			break;
		case 'F':
			options->faults_file = optarg;
			options->disarmed = true;
			break;
		case 'h':
			print_help();
			exit(EXIT_OK);
		case 'i':
			if (!parse_number(name, optarg, 0, 1000000, &value))
				return EXIT_USAGE;
			options->idle_us = value;
			break;
		case 'j':
			options->json = optarg;
			break;
		case 'N':
			if (!*optarg || strlen(optarg) > MAX_SERIAL) {
				complain("--serial takes 1 to %d characters", MAX_SERIAL);
				return EXIT_USAGE;
			}
			options->serial = optarg;
			break;
		case 'k':
			options->keep = true;
			break;
		case 'p':
			options->personality = personality_find(optarg);
			if (!options->personality) {
				complain("there is no personality '%s'; see --help", optarg);
				return EXIT_USAGE;
			}
			break;
		case 'P':
			if (!parse_number(name, optarg, 0, 1000000, &value))
				return EXIT_USAGE;
			options->spin_us = value;
			break;
		case 'q':
			if (!parse_number(name, optarg, 1, MAX_PAIRS - 1, &value))
				return EXIT_USAGE;
			options->pairs = value + 1;
			break;
		case 's':
			if (!parse_number(name, optarg, 1, ~0u, &value))
				return EXIT_USAGE;
			options->seed = value;
			break;
		case 'S':
			if (!parse_number(name, optarg, 1 << BLOCK_SHIFT, 1ull << 50, &value))
				return EXIT_USAGE;
			options->size = value >> BLOCK_SHIFT << BLOCK_SHIFT;
			break;
		case 't':
			if (!parse_number(name, optarg, 0, MAX_DSTRD, &value))
				return EXIT_USAGE;
			options->dstrd = value;
			break;
		default:
			return EXIT_USAGE;
		}
	}
	if (options->faults_file && memcmp(&options->faults, &none, sizeof(none))) {
		complain("--fault and --faults-file: one of the two");
		return EXIT_USAGE;
	}
	if (faults_check(options, &options->faults))
		return EXIT_USAGE;
	if (argc - optind != 1) {
		complain("the path of a socket is needed, and nothing else; see --help");
		return EXIT_USAGE;
	}
	options->socket = argv[optind];
	if (!options->backing)
		options->backing = options->personality->null ? "null" : "memory";
	return EXIT_OK;
}

/* Guest memory can end before its mapping does, when its owner truncates it. */
static void on_bus_error(int signal)
{
	static const char message[] = "nvme-device: guest memory is not there any more\n";
	ssize_t ignored;

	ignored = write(STDERR_FILENO, message, sizeof(message) - 1);
	unlink(device.options.socket);
	_exit(ignored < 0 ? 128 + signal : EXIT_INFRASTRUCTURE);
}

static int open_signals(void)
{
	const struct sigaction bus = { .sa_handler = on_bus_error };
	const int wanted[] = {
		SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGXCPU, SIGUSR1, SIGUSR2,
	};
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(wanted); i++)
		sigaddset(&set, wanted[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGBUS, &bus, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Returns whether to go on. */
static bool handle_signal(struct device *dev, int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return true;
	switch (info.ssi_signo) {
	case SIGUSR1:
		account_write(dev);
		return true;
	case SIGUSR2:
		fault_switch(dev);
		return true;
	}
	return false;
}

/* How long to wait for messages, in nanoseconds; negative: until there is one. */
static long long patience(struct device *dev, __u64 now, bool news)
{
	const __u64 times[] = { admin_next_ns(dev), fault_next_ns(dev) };
	long long wait = -1;
	size_t i;

	if (news)
		wait = 0;
	else if (nvme_awake(dev))
		wait = now - dev->news_ns < dev->options.spin_us * 1000ull ? 0 :
		       dev->options.idle_us * 1000ll;
	for (i = 0; i < ARRAY_SIZE(times); i++) {
		long long left = times[i] > now ? times[i] - now : 0;

		if (times[i] && (wait < 0 || left < wait))
			wait = left;
	}
	return wait;
}

/* The host gives a descriptor for each interrupt: more than a process has by default. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void serve(struct device *dev, int signals)
{
	struct pollfd fds[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = dev->listener, .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
	};
	bool served = false, news = false;

	while (dev->client >= 0 || !served || dev->options.keep) {
		__u64 now = now_ns();
		long long wait = patience(dev, now, news);
		struct timespec limit = {
			.tv_sec = wait / SECOND_NS, .tv_nsec = wait % SECOND_NS,
		};

		/* A pure poller lets others run, but does not sleep. */
		if (!wait && !news)
			sched_yield();
		/* One client at a time, the next one waits. */
		fds[1].fd = dev->client < 0 ? dev->listener : -1;
		fds[2].fd = dev->client;
		if (ppoll(fds, ARRAY_SIZE(fds), wait < 0 ? NULL : &limit, NULL) < 0 &&
		    errno != EINTR)
			break;
		if (fds[0].revents && !handle_signal(dev, signals))
			break;
		if (fds[1].fd >= 0 && fds[1].revents) {
			vfio_user_accept(dev);
			served = true;
		}
		if (fds[2].fd >= 0 && fds[2].revents)
			vfio_user_input(dev);

		now = now_ns();
		admin_timer(dev, now);
		fault_timer(dev, now);
		news = nvme_serve(dev);
		if (news)
			dev->news_ns = now;
	}
}

int main(int argc, char **argv)
{
	struct device *dev = &device;
	int code, signals;

	code = parse(argc, argv, &dev->options);
	if (code)
		return code;
	dev->random = dev->options.seed * 0x9e3779b97f4a7c15ull | 1;
	dev->armed = !dev->options.disarmed;
	code = backing_open(dev);
	if (code)
		return code;
	/* A pause is as long as it is said to be. */
	prctl(PR_SET_TIMERSLACK, 1);
	raise_descriptor_limit();
	pci_init(dev);
	nvme_init(dev);
	signals = open_signals();
	if (signals < 0) {
		complain("no signals: %m");
		return EXIT_INFRASTRUCTURE;
	}
	code = vfio_user_listen(dev);
	if (code)
		return code;
	puts("ready");
	fflush(stdout);

	serve(dev, signals);

	vfio_user_close(dev);
	unlink(dev->options.socket);
	code = account_write(dev);
	backing_close(dev);
	free(dev->maps);
	return code;
}
