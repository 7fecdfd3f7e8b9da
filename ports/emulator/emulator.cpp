// SPDX-License-Identifier: MIT
// The memory of an emulator on libquire: address spaces, fork, demand paging. It has no CPU; it replays a trace.
//
//   emulator ARCH TRACE    replays the lines of TRACE, prints what it counted
//   emulator ARCH loop N   N accesses of one program over 4 MiB, and how many a second
//
// A line is PROCESS COMMAND ARGUMENTS, numbers as C writes them:
//   p new            an empty address space      p map ADDRESS BYTES rwx    private memory
//   p fork CHILD     a copy                      p r|w|x ADDRESS            an access of one byte
//   p end            its last thread is gone     # and a comment
#include <quire/quire.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

[[noreturn]] static void fail(const std::string &text)
{
	std::fprintf(stderr, "emulator: %s\n", text.c_str());
	std::exit(1);
}

struct Process {
	struct Entry { // of a TLB: a page, the accesses that need no walk, where the page is in the emulator
		quire_va page = ~quire_va{0};
		uint8_t allowed = 0;
		unsigned char *host = nullptr;
	};

	quire_mm *mm = nullptr;
	quire_pa root{};
	std::array<Entry, 1024> tlb;
};

class Emulator {
public:
	explicit Emulator(const char *name)
	{
		quire_config config{};
		char why[160] = "no such architecture";
		config.arch = arch = quire_arch_find(name);
		host.panic = [](void *, const char *text) { fail(text); };
		host.tlb_flush = [](void *self, const quire_flush *flush) { static_cast<Emulator *>(self)->flush(*flush); };
		config.host = &host;
		config.host_context = this;
		config.without = QUIRE_WITHOUT_PTE_SYNC | QUIRE_WITHOUT_ICACHE_SYNC; // walks read this memory
		config.ram[0].base.v = ram_base;
		config.ram[0].bytes = ram_bytes;
		config.ram[0].linear = ram = static_cast<unsigned char *>(std::aligned_alloc(65536, ram_bytes));
		config.ram_count = 1;
		if (!arch || quire_config_check(&config, why, sizeof(why)) || quire_system_create(&config, &system))
			fail(why);
	}

	// One byte. False: the program gets a signal.
	bool access(Process &process, quire_va va, quire_access kind, unsigned char *byte)
	{
		quire_va page = va >> arch->page_shift;
		Process::Entry &entry = process.tlb[page % process.tlb.size()];
		accesses++;
		while (entry.page != page || !(entry.allowed >> kind & 1)) {
			quire_translation found;
			quire_status status = quire_walk(system, process.root, va, kind, QUIRE_MODE_USER, &found);

			walks++;
			if (status == QUIRE_OK)
				entry = {page, found.allowed, host_page(found.pa)};
			else if (status != QUIRE_EFAULT || !resolve(process, found.trap))
				return false;
		}
		if (kind == QUIRE_ACCESS_WRITE)
			entry.host[va & page_mask()] = *byte;
		else
			*byte = entry.host[va & page_mask()];
		return true;
	}

	void loop(unsigned long count)
	{
		unsigned char byte = 1;
		command("1 new");
		command("1 map 0x100000 0x400000 rw");
		Process &process = processes["1"];
		for (unsigned long i = 0; i < count; i++)
			access(process, 0x100000 + i * 4099 % 0x400000, i % 3 ? QUIRE_ACCESS_READ : QUIRE_ACCESS_WRITE, &byte);
		command("1 end");
	}

	void print() const
	{
		std::printf("%s: %lu accesses, %lu walks, %lu faults", arch->name, accesses, walks, faults);
		for (unsigned page = QUIRE_RESUME_NONE; page <= QUIRE_RESUME_SWAPPED; page++)
			if (answers[page])
				std::printf(", %lu %s", answers[page], quire_resume_page_name(static_cast<quire_resume_page>(page)));
		std::printf(", %lu signals\n", signals);
	}

	void command(const std::string &line)
	{
		std::istringstream words(line);
		std::string name, verb, address, bytes, rest;

		words >> name >> verb >> address >> bytes >> rest;
		Process &process = processes[name];
		auto va = static_cast<quire_va>(std::strtoull(address.c_str(), nullptr, 0));
		unsigned char byte = 1;
		quire_mm *mm = nullptr;

		if (verb == "new" && quire_mm_create(system, nullptr, &mm) == QUIRE_OK) {
			start(process, mm);
		} else if (verb == "fork" && quire_mm_fork(process.mm, &mm) == QUIRE_OK) {
			start(processes[address], mm);
		} else if (verb == "map") {
			quire_mapping how{};
			how.addr = va;
			how.length = std::strtoull(bytes.c_str(), nullptr, 0);
			how.flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED;
			for (char letter : rest)
				how.prot |= letter == 'r' ? QUIRE_PROT_READ : letter == 'w' ? QUIRE_PROT_WRITE : QUIRE_PROT_EXEC;
			if (quire_mmap(process.mm, &how, &va) != QUIRE_OK)
				fail(line);
		} else if (verb == "end" && process.mm) {
			quire_mm_leave(process.mm, 0);
			quire_mm_put(process.mm);
			processes.erase(name);
		} else if (verb.size() == 1 && kind_of.count(verb[0]) && process.mm) {
			access(process, va, kind_of.at(verb[0]), &byte);
		} else {
			fail(line);
		}
	}

private:
	static constexpr uint64_t ram_base = 1 << 20;
	static constexpr size_t ram_bytes = size_t{64} << 20;

	quire_va page_mask() const { return (quire_va{1} << arch->page_shift) - 1; }
	unsigned char *host_page(quire_pa pa) const { return ram + ((pa.v & ~uint64_t{page_mask()}) - ram_base); }

	// The exception: as a kernel's handler, which acts on the outcome.
	bool resolve(Process &process, quire_trap trap)
	{
		trap.sp = static_cast<quire_va>(arch->user_end);
		quire_outcome outcome = quire_handle_trap(system, process.mm, &trap, nullptr);

		faults++;
		(outcome.kind == QUIRE_RESUME ? answers[outcome.page] : signals)++;
		return outcome.kind == QUIRE_RESUME;
	}

	void flush(const quire_flush &flush)
	{
		if (flush.mm && flush.cpus)
			static_cast<Process *>(quire_mm_context(flush.mm))->tlb.fill({});
	}

	const std::map<char, quire_access> kind_of{{'r', QUIRE_ACCESS_READ}, {'w', QUIRE_ACCESS_WRITE}, {'x', QUIRE_ACCESS_EXEC}};
	// Every process has a TLB of its own, so the one CPU is in all address spaces at once, until they end.
	static void start(Process &process, quire_mm *mm)
	{
		process.mm = mm;
		process.root = quire_mm_enter(mm, 0);
		quire_mm_set_context(mm, &process);
	}

	const quire_arch *arch;
	quire_host host{};
	quire_system *system = nullptr;
	unsigned char *ram = nullptr;
	std::map<std::string, Process> processes;
	unsigned long accesses = 0, walks = 0, faults = 0, signals = 0;
	unsigned long answers[QUIRE_RESUME_SWAPPED + 1] = {};
};

int main(int argc, char **argv)
{
	if (argc != 3 && !(argc == 4 && !std::strcmp(argv[2], "loop")))
		fail("usage: emulator ARCH TRACE, or emulator ARCH loop N");
	Emulator emulator(argv[1]);
	std::ifstream trace(argv[2]);
	std::string line;
	if (argc == 4) {
		auto start = std::chrono::steady_clock::now();
		emulator.loop(std::strtoul(argv[3], nullptr, 0));
		std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
		std::printf("%.1f million accesses a second\n", std::strtod(argv[3], nullptr) / took.count() / 1e6);
	} else if (!trace) {
		fail(std::string(argv[2]) + " cannot be read");
	}
	while (std::getline(trace, line))
		if (!line.empty() && line[0] != '#')
			emulator.command(line);
	emulator.print();
}
