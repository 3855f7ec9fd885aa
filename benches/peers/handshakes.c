// The load of new TLS connections, each for one hit: how many in some seconds, and how long each takes.
//
//   handshakes PORT full|resumed SECONDS REQUEST ANSWER
//
// Each answer must hold ANSWER, and whether a session was resumed is asked of each connection. The newest ticket is shown, as
// browsers do.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 16, MOST = 100000 };

static SSL_CTX *context;
static struct sockaddr_in server;
static int resumed;
static double end;
static const char *request, *wanted;
static struct { double took[MOST]; int count; } done[THREADS];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *why) {
  fprintf(stderr, "%s\n", why);
  exit(1);
}

// Reads one answer with its body.
static void take(SSL *tls) {
  char answer[8192];
  int have = 0;
  for (;;) {
    int more = SSL_read(tls, answer + have, sizeof answer - 1 - have);
    if (more <= 0) fail("the server closed a connection");
    have += more;
    answer[have] = 0;
    char *head_end = strstr(answer, "\r\n\r\n");
    if (!head_end) continue;
    char *length = strcasestr(answer, "\r\ncontent-length:");
    if (have >= head_end + 4 - answer + (length ? atoi(length + 17) : 0)) break;
  }
  if (strncmp(answer, "HTTP/1.1 302 ", 13) || !strstr(answer, wanted)) fail(answer);
}

// One connection; leaves the session that the next one may resume.
static void hit(SSL_SESSION **session, int shown) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd, (struct sockaddr *)&server, sizeof server)) fail("no connection");
  SSL *tls = SSL_new(context);
  SSL_set_tlsext_host_name(tls, "localhost");
  if (shown) SSL_set_session(tls, *session);
  SSL_set_fd(tls, fd);
  if (SSL_connect(tls) != 1) fail("no handshake");
  if (SSL_session_reused(tls) != shown) fail(shown ? "a session was not resumed" : "a session was resumed");
  SSL_write(tls, request, strlen(request));
  take(tls);
  if (resumed) {
    SSL_SESSION_free(*session);
    *session = SSL_get1_session(tls);
  }
  // Else OpenSSL takes a session whose connection ends without a farewell for spoilt.
  SSL_set_shutdown(tls, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(tls);
  close(fd);
}

static void *work(void *argument) {
  int mine = (int)(long)argument;
  SSL_SESSION *session = NULL;
  if (resumed) hit(&session, 0);
  for (double began; (began = now()) < end && done[mine].count < MOST;) {
    hit(&session, resumed);
    done[mine].took[done[mine].count++] = now() - began;
  }
  return NULL;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int count, char **arguments) {
  if (count != 6) fail("handshakes PORT full|resumed SECONDS REQUEST ANSWER");
  signal(SIGPIPE, SIG_IGN);
  server.sin_family = AF_INET;
  server.sin_port = htons(atoi(arguments[1]));
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  resumed = !strcmp(arguments[2], "resumed");
  request = arguments[4], wanted = arguments[5];
  context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\x08http/1.1", 9);
  end = now() + atof(arguments[3]);
  pthread_t threads[THREADS];
  for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, (void *)i);
  static double all[THREADS * MOST];
  int total = 0;
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    memcpy(all + total, done[i].took, done[i].count * sizeof *all);
    total += done[i].count;
  }
  if (!total) fail("no hit");
  qsort(all, total, sizeof *all, compare);
  printf("{\"requests\": %d, \"latency\": [%f, %f, %f]}\n", total, 1000 * all[total / 2], 1000 * all[total * 99 / 100],
         1000 * all[(int)(total * 0.999)]);
}
