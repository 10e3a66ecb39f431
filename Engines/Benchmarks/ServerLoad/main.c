// Loads a server of KurrentDB's protocol, and tells how many calls a second it answers, and how fast: one thread, an epoll loop,
// libnghttp2 for HTTP/2, a connection for each client with one call at a time. It costs a few microseconds a call, where client
// libraries cost tens, so that the server is what is measured, on a machine that both share.
//
//   server-load MODE [--port N] [--clients N] [--seconds S] [--bytes N] [--batch N] [--stream NAME]
//
//   append       one event a call (Streams/Append), each client into a stream of its own
//   batch        --batch events a call (Streams/BatchAppend)
//   read-stream  --stream NAME forwards, again and again
//   read-all     the whole log, again and again
//
// Prints one line of JSON: calls and events a second, percentiles of a call's time in milliseconds, errors.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum mode { APPEND, BATCH, READ_STREAM, READ_ALL };

static struct {
    enum mode mode;
    int port, clients, batch, bytes;
    double seconds;
    const char *stream;
} options = {APPEND, 2113, 1, 100, 300, 3, "load-0"};

struct client {
    int fd, number;
    nghttp2_session *session;
    // The body of the call under way.
    uint8_t *body;
    size_t length, sent;
    double begun;
    bool succeeded, counted;
    // Cuts what comes into messages.
    uint8_t prefix[5];
    size_t prefix_length, rest;
};

static double *times;
static size_t calls, room, errors;
static uint64_t events, next_id = 1;
static double window_begin, window_end;
static uint64_t seed;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void fail(const char *what) {
    fprintf(stderr, "server-load: %s: %s\n", what, strerror(errno));
    exit(1);
}

// --- Messages, by hand: tag, length, content.

static uint8_t *varint(uint8_t *at, uint64_t value) {
    for (; value >= 0x80; value >>= 7) *at++ = (uint8_t)value | 0x80;
    *at++ = (uint8_t)value;
    return at;
}

static size_t varint_size(uint64_t value) {
    size_t size = 1;
    for (; value >= 0x80; value >>= 7) size++;
    return size;
}

static uint8_t *field(uint8_t *at, int number, const void *bytes, size_t length) {
    *at++ = (uint8_t)(number << 3 | 2);
    at = varint(at, length);
    memcpy(at, bytes, length);
    return at + length;
}

// The message that was written at `begin` with five bytes free in front of it.
static void frame(uint8_t *begin, uint8_t *end) {
    uint32_t length = htonl((uint32_t)(end - begin - 5));
    begin[0] = 0;
    memcpy(begin + 1, &length, 4);
}

static uint8_t *identifier(uint8_t *at, int number) {
    uint8_t inner[24], *end = inner;
    *end++ = 1 << 3;
    end = varint(end, seed | 1);
    *end++ = 2 << 3;
    end = varint(end, next_id++);
    uint8_t outer[32];
    uint8_t *outer_end = field(outer, 1, inner, (size_t)(end - inner));
    return field(at, number, outer, (size_t)(outer_end - outer));
}

static uint8_t *entry(uint8_t *at, int number, const char *key, const char *value) {
    uint8_t inner[64], *end = field(inner, 1, key, strlen(key));
    end = field(end, 2, value, strlen(value));
    return field(at, number, inner, (size_t)(end - inner));
}

static uint8_t *stream_identifier(uint8_t *at, int number, const char *name) {
    uint8_t inner[256], *end = field(inner, 3, name, strlen(name));
    return field(at, number, inner, (size_t)(end - inner));
}

// An event: identifier, type, content type, data. Its fields have the same numbers in Append and in BatchAppend.
static uint8_t *proposed(uint8_t *at) {
    static uint8_t *data;
    if (!data) {
        data = malloc((size_t)options.bytes);
        memset(data, 'x', (size_t)options.bytes);
        data[0] = data[options.bytes - 1] = '"';
    }
    at = identifier(at, 1);
    at = entry(at, 2, "type", "LoadApplied");
    at = entry(at, 2, "content-type", "application/json");
    return field(at, 4, data, (size_t)options.bytes);
}

static void prepare(struct client *client) {
    size_t capacity = 4096 + ((size_t)options.bytes + 256) * (size_t)(options.mode == BATCH ? options.batch : 1);
    if (!client->body) client->body = malloc(2 * capacity);
    uint8_t *at = client->body, *begin, *scratch = client->body + capacity, *end;
    char name[64];
    snprintf(name, sizeof name, "load-%d", client->number);
    switch (options.mode) {
    case APPEND:
        begin = at, at += 5;
        end = stream_identifier(scratch, 1, name);
        *end++ = 4 << 3 | 2, *end++ = 0; // Any revision.
        at = field(at, 1, scratch, (size_t)(end - scratch));
        frame(begin, at);
        begin = at, at += 5;
        end = proposed(scratch);
        at = field(at, 2, scratch, (size_t)(end - scratch));
        frame(begin, at);
        break;
    case BATCH:
        begin = at, at += 5;
        at = identifier(at, 1);
        end = stream_identifier(scratch, 1, name);
        *end++ = 4 << 3 | 2, *end++ = 0;
        at = field(at, 2, scratch, (size_t)(end - scratch));
        for (int event = 0; event < options.batch; event++) {
            end = proposed(scratch);
            at = field(at, 3, scratch, (size_t)(end - scratch));
        }
        *at++ = 4 << 3, *at++ = 1; // The last message of the append.
        frame(begin, at);
        break;
    case READ_STREAM:
    case READ_ALL:
        begin = at, at += 5;
        if (options.mode == READ_STREAM) {
            uint8_t inner[512];
            end = stream_identifier(inner, 1, options.stream);
            *end++ = 3 << 3 | 2, *end++ = 0; // From the start.
            end = field(scratch, 1, inner, (size_t)(end - inner));
        } else {
            uint8_t inner[2] = {2 << 3 | 2, 0};
            end = field(scratch, 2, inner, 2);
        }
        *end++ = 5 << 3;
        end = varint(end, INT64_MAX);
        *end++ = 8 << 3 | 2, *end++ = 0; // No filter.
        uint8_t form[2] = {2 << 3 | 2, 0};
        end = field(end, 9, form, 2);
        at = field(at, 1, scratch, (size_t)(end - scratch));
        frame(begin, at);
        break;
    }
    client->length = (size_t)(at - client->body);
    client->sent = 0;
    (void)varint_size;
}

// --- Calls.

static ssize_t read_body(
    nghttp2_session *session, int32_t stream, uint8_t *buffer, size_t length, uint32_t *flags, nghttp2_data_source *source,
    void *user) {
    (void)session, (void)stream, (void)user;
    struct client *client = source->ptr;
    size_t rest = client->length - client->sent;
    size_t taken = rest < length ? rest : length;
    memcpy(buffer, client->body + client->sent, taken);
    client->sent += taken;
    if (client->sent == client->length) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)taken;
}

#define HEADER(name, value) \
    { (uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1, strlen(value), NGHTTP2_NV_FLAG_NO_COPY_NAME }

static void call(struct client *client) {
    static const char *paths[] = {
        "/event_store.client.streams.Streams/Append", "/event_store.client.streams.Streams/BatchAppend",
        "/event_store.client.streams.Streams/Read", "/event_store.client.streams.Streams/Read"};
    prepare(client);
    nghttp2_nv headers[] = {
        HEADER(":method", "POST"), HEADER(":scheme", "http"), HEADER(":path", paths[options.mode]),
        HEADER(":authority", "localhost"), HEADER("content-type", "application/grpc"), HEADER("te", "trailers")};
    nghttp2_data_provider body = {.source.ptr = client, .read_callback = read_body};
    client->succeeded = false;
    client->prefix_length = client->rest = 0;
    client->begun = now();
    if (nghttp2_submit_request(client->session, NULL, headers, 6, &body, client) < 0) fail("submit");
}

static int on_header(
    nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_length, const uint8_t *value,
    size_t value_length, uint8_t flags, void *user) {
    (void)session, (void)frame, (void)flags;
    struct client *client = user;
    if (name_length == 11 && memcmp(name, "grpc-status", 11) == 0)
        client->succeeded = value_length == 1 && value[0] == '0';
    if (name_length == 12 && memcmp(name, "grpc-message", 12) == 0 && errors < 3)
        fprintf(stderr, "server-load: %.*s\n", (int)value_length, value);
    return 0;
}

static int on_data(
    nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t length, void *user) {
    (void)session, (void)flags, (void)stream;
    struct client *client = user;
    if (options.mode != READ_STREAM && options.mode != READ_ALL) return 0;
    bool counts = now() >= window_begin;
    while (length) {
        if (client->rest) {
            size_t taken = client->rest < length ? client->rest : length;
            client->rest -= taken, data += taken, length -= taken;
            continue;
        }
        client->prefix[client->prefix_length++] = *data++, length--;
        if (client->prefix_length == 5) {
            uint32_t size;
            memcpy(&size, client->prefix + 1, 4);
            client->rest = ntohl(size);
            client->prefix_length = 0;
            events += counts;
        }
    }
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user) {
    (void)session, (void)stream, (void)code;
    struct client *client = user;
    double ended = now();
    if (!client->succeeded) {
        if (++errors > 100) errno = 0, fail("too many calls failed");
    } else if (client->begun >= window_begin && ended <= window_end) {
        if (calls == room) times = realloc(times, sizeof *times * (room = room ? 2 * room : 1 << 16));
        times[calls++] = ended - client->begun;
        if (options.mode == APPEND) events++;
        if (options.mode == BATCH) events += (uint64_t)options.batch;
    }
    if (ended < window_end) call(client);
    return 0;
}

static ssize_t send_bytes(nghttp2_session *session, const uint8_t *data, size_t length, int flags, void *user) {
    (void)session, (void)flags;
    struct client *client = user;
    ssize_t sent = send(client->fd, data, length, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN ? NGHTTP2_ERR_WOULDBLOCK : NGHTTP2_ERR_CALLBACK_FAILURE;
    return sent;
}

static void connect_client(struct client *client, nghttp2_session_callbacks *callbacks, int epoll) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    client->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    int yes = 1;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
    nghttp2_session_client_new(&client->session, callbacks, client);
    nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 4 << 20}};
    nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, settings, 1);
    nghttp2_session_set_local_window_size(client->session, NGHTTP2_FLAG_NONE, 0, 16 << 20);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event);
}

static void flush(struct client *client, int epoll) {
    if (nghttp2_session_send(client->session)) fail("send");
    struct epoll_event event = {.data.ptr = client};
    event.events = EPOLLIN | (nghttp2_session_want_write(client->session) ? (uint32_t)EPOLLOUT : 0);
    epoll_ctl(epoll, EPOLL_CTL_MOD, client->fd, &event);
}

static int compare(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

int main(int count, char **arguments) {
    static const char *modes[] = {"append", "batch", "read-stream", "read-all"};
    if (count < 2) errno = EINVAL, fail("a mode is missing: append, batch, read-stream or read-all");
    bool known = false;
    for (int mode = 0; mode < 4; mode++)
        if (strcmp(arguments[1], modes[mode]) == 0) options.mode = (enum mode)mode, known = true;
    if (!known) errno = EINVAL, fail(arguments[1]);
    for (int index = 2; index + 1 < count; index += 2) {
        const char *name = arguments[index], *value = arguments[index + 1];
        if (strcmp(name, "--port") == 0) options.port = atoi(value);
        else if (strcmp(name, "--clients") == 0) options.clients = atoi(value);
        else if (strcmp(name, "--seconds") == 0) options.seconds = atof(value);
        else if (strcmp(name, "--bytes") == 0) options.bytes = atoi(value);
        else if (strcmp(name, "--batch") == 0) options.batch = atoi(value);
        else if (strcmp(name, "--stream") == 0) options.stream = value;
        else errno = EINVAL, fail(name);
    }
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    seed = (uint64_t)time.tv_sec << 30 ^ (uint64_t)time.tv_nsec;
    nghttp2_session_callbacks *callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_send_callback(callbacks, send_bytes);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    int epoll = epoll_create1(0);
    struct client *clients = calloc((size_t)options.clients, sizeof *clients);
    double warm = options.seconds / 4;
    window_begin = now() + warm;
    window_end = window_begin + options.seconds;
    for (int index = 0; index < options.clients; index++) {
        clients[index].number = index;
        connect_client(&clients[index], callbacks, epoll);
        call(&clients[index]);
        flush(&clients[index], epoll);
    }
    static uint8_t buffer[1 << 18];
    struct epoll_event ready[256];
    while (now() < window_end) {
        int found = epoll_wait(epoll, ready, 256, 50);
        for (int index = 0; index < found; index++) {
            struct client *client = ready[index].data.ptr;
            ssize_t length;
            while ((length = recv(client->fd, buffer, sizeof buffer, 0)) > 0) {
                if (nghttp2_session_mem_recv(client->session, buffer, (size_t)length) < 0) errno = 0, fail("not HTTP/2");
                if ((size_t)length < sizeof buffer) break;
            }
            if (length == 0) errno = 0, fail("the server closed a connection");
            flush(client, epoll);
        }
    }
    qsort(times, calls, sizeof *times, compare);
    double p50 = calls ? times[calls / 2] * 1e3 : 0, p99 = calls ? times[calls - 1 - calls / 100] * 1e3 : 0;
    printf(
        "{\"mode\":\"%s\",\"clients\":%d,\"callsPerSecond\":%.0f,\"eventsPerSecond\":%.0f,\"p50\":%.3f,\"p99\":%.3f,"
        "\"errors\":%zu}\n",
        modes[options.mode], options.clients, calls / options.seconds, events / options.seconds, p50, p99, errors);
    return errors > 0;
}
