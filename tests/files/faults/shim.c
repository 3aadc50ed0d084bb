// Makes the n-th system call of a kind fail, below one directory. Loaded by LD_PRELOAD in front of
// the C library, whose functions Deno calls. A file in memory shared with the test says what
// fails, and counts the calls.

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

// The order is that of CALLS in shim.ts.
enum call {
  OPEN, OPENDIR, READDIR, LSTAT, FSTAT, REALPATH, READ, WRITE, SEEK, FSYNC, FLOCK, DUP, RENAME,
  LINK, UNLINK, MKDIR, RMDIR, STATFS, CALL_COUNT
};

struct control {
  int32_t call;   // Which call fails, or -1.
  int32_t error;  // The errno.
  int32_t first;  // The first call of the kind that fails, from 1.
  int32_t times;  // How many in a row fail; 0 for all.
  int32_t network; // Whether statfs says NFS.
  _Atomic int32_t injected;
  _Atomic int32_t counts[CALL_COUNT];
};

#define MAX_FILES 65536
static _Atomic char watched[MAX_FILES]; // Descriptors of files below the directory.
static struct control *control;
static const char *root;
static size_t root_length;

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("FAULTS_CONTROL");
  root = getenv("FAULTS_ROOT");
  if (path == NULL || root == NULL) return;
  root_length = strlen(root);
  int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
  int file = real_open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *memory = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory != MAP_FAILED) control = memory;
}

static int is_below(const char *path) {
  if (control == NULL || path == NULL || strncmp(path, root, root_length) != 0) return 0;
  return path[root_length] == '/' || path[root_length] == '\0';
}

static int is_watched(int file) {
  return control != NULL && file >= 0 && file < MAX_FILES && watched[file];
}

static int watch(int file, int is_inside) {
  if (file >= 0 && file < MAX_FILES) watched[file] = is_inside;
  return file;
}

static int fails(enum call call) {
  int count = atomic_fetch_add(&control->counts[call], 1) + 1;
  if (control->call != (int32_t) call || count < control->first) return 0;
  if (control->times != 0 && count >= control->first + control->times) return 0;
  atomic_fetch_add(&control->injected, 1);
  errno = control->error;
  return 1;
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (real == NULL) real = (type (*)(__VA_ARGS__)) dlsym(RTLD_NEXT, name)

static mode_t mode_of(int flags, va_list arguments) {
  return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

#define OPEN_FUNCTION(name) \
  int name(const char *path, int flags, ...) { \
    REAL(int, #name, const char *, int, ...); \
    va_list arguments; \
    va_start(arguments, flags); \
    mode_t mode = mode_of(flags, arguments); \
    va_end(arguments); \
    int is_inside = is_below(path); \
    if (is_inside && fails(OPEN)) return -1; \
    return watch(real(path, flags, mode), is_inside); \
  }
OPEN_FUNCTION(open)
OPEN_FUNCTION(open64)

int close(int file) {
  REAL(int, "close", int);
  watch(file, 0);
  return real(file);
}

int fcntl(int file, int command, ...) {
  REAL(int, "fcntl", int, int, ...);
  va_list arguments;
  va_start(arguments, command);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  if (command != F_DUPFD && command != F_DUPFD_CLOEXEC) return real(file, command, argument);
  int is_inside = is_watched(file);
  if (is_inside && fails(DUP)) return -1;
  return watch(real(file, command, argument), is_inside);
}

DIR *opendir(const char *path) {
  REAL(DIR *, "opendir", const char *);
  int is_inside = is_below(path);
  if (is_inside && fails(OPENDIR)) return NULL;
  DIR *directory = real(path);
  if (directory != NULL) watch(dirfd(directory), is_inside);
  return directory;
}

int closedir(DIR *directory) {
  REAL(int, "closedir", DIR *);
  watch(dirfd(directory), 0);
  return real(directory);
}

struct dirent64 *readdir64(DIR *directory) {
  REAL(struct dirent64 *, "readdir64", DIR *);
  if (is_watched(dirfd(directory)) && fails(READDIR)) return NULL;
  return real(directory);
}

int statx(int directory, const char *path, int flags, unsigned mask, struct statx *found) {
  REAL(int, "statx", int, const char *, int, unsigned, struct statx *);
  const char *volatile given = path; // Rust passes NULL once, to learn whether there is a statx.
  int is_open = given == NULL || given[0] == '\0';
  if (is_open ? is_watched(directory) : is_below(path)) {
    if (fails(is_open ? FSTAT : LSTAT)) return -1;
  }
  return real(directory, path, flags, mask, found);
}

char *realpath(const char *path, char *resolved) {
  static char *(*real)(const char *, char *); // The default version takes no NULL.
  if (real == NULL) real = (char *(*)(const char *, char *)) dlvsym(RTLD_NEXT, "realpath", "GLIBC_2.3");
  if (real == NULL) real = (char *(*)(const char *, char *)) dlsym(RTLD_NEXT, "realpath");
  if (is_below(path) && fails(REALPATH)) return NULL;
  return real(path, resolved);
}

ssize_t read(int file, void *buffer, size_t size) {
  REAL(ssize_t, "read", int, void *, size_t);
  if (is_watched(file) && fails(READ)) return -1;
  return real(file, buffer, size);
}

ssize_t write(int file, const void *buffer, size_t size) {
  REAL(ssize_t, "write", int, const void *, size_t);
  if (is_watched(file) && fails(WRITE)) return -1;
  return real(file, buffer, size);
}

off64_t lseek64(int file, off64_t offset, int whence) {
  REAL(off64_t, "lseek64", int, off64_t, int);
  if (is_watched(file) && fails(SEEK)) return -1;
  return real(file, offset, whence);
}

int fsync(int file) {
  REAL(int, "fsync", int);
  if (is_watched(file) && fails(FSYNC)) return -1;
  return real(file);
}

int flock(int file, int operation) {
  REAL(int, "flock", int, int);
  if (is_watched(file) && fails(FLOCK)) return -1;
  return real(file, operation);
}

int rename(const char *from, const char *to) {
  REAL(int, "rename", const char *, const char *);
  if (is_below(from) && fails(RENAME)) return -1;
  return real(from, to);
}

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags) {
  REAL(int, "linkat", int, const char *, int, const char *, int);
  if (is_below(from) && fails(LINK)) return -1;
  return real(from_directory, from, to_directory, to, flags);
}

int unlink(const char *path) {
  REAL(int, "unlink", const char *);
  if (is_below(path) && fails(UNLINK)) return -1;
  return real(path);
}

int rmdir(const char *path) {
  REAL(int, "rmdir", const char *);
  if (is_below(path) && fails(RMDIR)) return -1;
  return real(path);
}

int mkdir(const char *path, mode_t mode) {
  REAL(int, "mkdir", const char *, mode_t);
  if (is_below(path) && fails(MKDIR)) return -1;
  return real(path, mode);
}

#define NFS_MAGIC 0x6969

// On 64 bits, both have the same structure.
#define STATFS_FUNCTION(name) \
  int name(const char *path, struct name *found) { \
    REAL(int, #name, const char *, struct name *); \
    int is_inside = is_below(path); \
    if (is_inside && fails(STATFS)) return -1; \
    int result = real(path, found); \
    if (result == 0 && is_inside && control->network) found->f_type = NFS_MAGIC; \
    return result; \
  }
STATFS_FUNCTION(statfs)
STATFS_FUNCTION(statfs64)
