/*
 * The peer of the phrase table: Hyperscan over the same phrases and queries.
 * It is built and run by `go run ./internal/bench phrases`, and by nothing else.
 *
 *	match PHRASES QUERIES    a phrase, a query a line
 *
 * prints "ready DATABASE_BYTES SCRATCH_BYTES BUILD_MS", then for each line it
 * reads "NANOSECONDS MATCHES": CPU time of this thread for all queries once, and
 * how many matches there were. Every match is counted; case is folded.
 */
#define _POSIX_C_SOURCE 200809L
#include <hs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct lines {
	char **at;
	size_t *len;
	size_t n;
};

static void fail(const char *what)
{
	fprintf(stderr, "match: %s\n", what);
	exit(1);
}

static struct lines read_lines(const char *path)
{
	struct lines l = {0};
	size_t room = 0;
	FILE *f = fopen(path, "r");
	if (!f)
		fail(path);
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	while ((n = getline(&line, &size, f)) > 0) {
		if (line[n - 1] == '\n')
			line[--n] = 0;
		if (l.n == room) {
			room = room ? 2 * room : 1024;
			l.at = realloc(l.at, room * sizeof *l.at);
			l.len = realloc(l.len, room * sizeof *l.len);
			if (!l.at || !l.len)
				fail("memory");
		}
		l.at[l.n] = strdup(line);
		l.len[l.n++] = (size_t)n;
	}
	free(line);
	fclose(f);
	return l;
}

static int64_t now(clockid_t clock)
{
	struct timespec t;
	if (clock_gettime(clock, &t))
		fail("clock");
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int count(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
	(void)id, (void)from, (void)to, (void)flags;
	++*(uint64_t *)ctx;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		fail("want PHRASES QUERIES");
	struct lines p = read_lines(argv[1]), q = read_lines(argv[2]);
	unsigned *flags = calloc(p.n, sizeof *flags), *ids = calloc(p.n, sizeof *ids);
	if (!flags || !ids)
		fail("memory");
	for (size_t i = 0; i < p.n; i++) {
		flags[i] = HS_FLAG_CASELESS;
		ids[i] = (unsigned)i;
	}
	hs_database_t *db;
	hs_compile_error_t *bad;
	int64_t began = now(CLOCK_THREAD_CPUTIME_ID);
	if (hs_compile_lit_multi((const char *const *)p.at, flags, ids, p.len, (unsigned)p.n, HS_MODE_BLOCK, NULL, &db, &bad) != HS_SUCCESS)
		fail(bad->message);
	int64_t built = now(CLOCK_THREAD_CPUTIME_ID) - began;
	hs_scratch_t *scratch = NULL;
	if (hs_alloc_scratch(db, &scratch) != HS_SUCCESS)
		fail("scratch");
	size_t database = 0, room = 0;
	hs_database_size(db, &database);
	hs_scratch_size(scratch, &room);
	printf("ready %zu %zu %lld\n", database, room, (long long)(built / 1000000));
	fflush(stdout);
	char line[64];
	while (fgets(line, sizeof line, stdin)) {
		uint64_t matches = 0;
		int64_t start = now(CLOCK_THREAD_CPUTIME_ID);
		for (size_t i = 0; i < q.n; i++)
			if (hs_scan(db, q.at[i], (unsigned)q.len[i], 0, scratch, count, &matches) != HS_SUCCESS)
				fail("scan");
		printf("%lld %llu\n", (long long)(now(CLOCK_THREAD_CPUTIME_ID) - start), (unsigned long long)matches);
		fflush(stdout);
	}
	return 0;
}
