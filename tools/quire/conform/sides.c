/* SPDX-License-Identifier: MIT */
/* The two sides of a comparison: the running kernel, or a machine that replaces it, and a simulated
 * machine with the traits that were found on the first side. */
#include "worker.h"

#include "../scenario/sim_backend.h"

static const struct scn_run *run_host(void *context, const struct scn_program *program, const char **out_text)
{
	return scn_host_run(context, program, out_text);
}

static void close_host(void *context)
{
	scn_host_close(context);
}

static const struct scn_run *run_sim(void *context, const struct scn_program *program, const char **out_text)
{
	return scn_sim_run(context, program, out_text);
}

static void close_sim(void *context)
{
	scn_sim_close(context);
}

static bool open_host(const struct conform_options *o, struct conform_side *side, const char *name,
		      const char **out_why)
{
	struct scn_sim_config config = {.traits = &o->twin, .profile = o->profile->name};

	*side = (struct conform_side){.name = o->stand_in ? "twin" : name};
	if (o->stand_in) {
		side->context = scn_sim_open(&config, out_why);
		side->run = run_sim;
		side->close = close_sim;
		return side->context != NULL;
	}
	*out_why = "cannot create the processes on the host";
	side->context = scn_host_open();
	side->run = run_host;
	side->close = close_host;
	return side->context != NULL;
}

bool conform_open_sides(const struct conform_options *o, struct conform_side side[2], const char **out_why)
{
	struct scn_sim_config config = {.traits = &o->traits,
					.profile = o->profile->name,
					.mutant = o->mutant,
					.check_every = o->check_every};

	/* Open the host first, while the process that it forks is still small. */
	if (!open_host(o, &side[0], "host", out_why))
		return false;
	side[0].how = !o->stand_in && conform_joins(conform_kernel_version()) ? CONFORM_JOINS : 0;
	side[0].how |= o->pressure ? CONFORM_PRESSED : 0;
	if (o->self)
		return open_host(o, &side[1], "again", out_why);
	side[1] = (struct conform_side){.name = "sim", .run = run_sim, .close = close_sim};
	side[1].context =
	    o->pressure ? conform_open_pressed(&config, out_why) : scn_sim_open(&config, out_why);
	return side[1].context != NULL;
}

bool conform_probe(const struct conform_options *o, struct scn_traits *out, const char **out_why)
{
	struct scn_prober prober = {.host = !o->stand_in};
	struct conform_side side;

	if (!open_host(o, &side, "host", out_why))
		return false;
	prober.context = side.context;
	prober.run = side.run;
	scn_traits_probe(&prober, out);
	side.close(side.context);
	*out_why = o->forced ? scn_traits_read(o->forced, out) : NULL;
	return *out_why == NULL;
}
