// Loads a server of KurrentDB's protocol, and tells how many calls a second it answers, and how fast: one thread, an epoll loop,
// libnghttp2 for HTTP/2, a connection for each client with one call at a time. It costs a few microseconds a call, where client
// libraries cost tens, so that the server is what is measured, on a machine that both share.
//
//   server-load MODE [--port N] [--clients N] [--seconds S] [--bytes N] [--batch N] [--stream NAME] [--rate N] [--calls N]
//
//   append        one event a call (Streams/Append), each client into a stream of its own
//   append-long   one event an append, one behind the other on one call that stays open (Streams/BatchAppend)
//   batch         --batch events a call (Streams/BatchAppend)
//   read-stream   --stream NAME forwards, again and again (Streams/Read)
//   read-all      the whole log, again and again
//   page-stream   --stream NAME, a call a page of 5,000 events (daybook.v1)
//   page-log      the whole log likewise
//   deliver       one client follows the whole log, the others append --rate events a second: what is timed is an event's way
//                 from its append, at the moment when it was due, to the one that follows
//   idle          each client follows the whole log in --calls calls, in which nothing comes
//
// Prints one line of JSON: calls and events a second, percentiles of a call's time in milliseconds, errors; of `idle` the calls
// that are open, when they are, and it keeps them for --seconds.
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
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum mode { APPEND, APPEND_LONG, BATCH, READ_STREAM, READ_ALL, PAGE_STREAM, PAGE_LOG, DELIVER, IDLE, MODES };

static const char *const names[MODES] = {
    "append", "append-long", "batch", "read-stream", "read-all", "page-stream", "page-log", "deliver", "idle"};
static const char *const paths[MODES] = {
    "/event_store.client.streams.Streams/Append", "/event_store.client.streams.Streams/BatchAppend",
    "/event_store.client.streams.Streams/BatchAppend", "/event_store.client.streams.Streams/Read",
    "/event_store.client.streams.Streams/Read", "/daybook.v1.Store/ReadStream", "/daybook.v1.Store/ReadLog",
    "/event_store.client.streams.Streams/Append", "/event_store.client.streams.Streams/Read"};

// What is in a page.
#define PAGE_EVENTS 5000

static struct {
    enum mode mode;
    int port, clients, batch, bytes, rate, calls;
    double seconds;
    const char *stream;
} options = {APPEND, 2113, 1, 100, 300, 1000, 100, 3, "load-0"};

struct client {
    int fd, number;
    nghttp2_session *session;
    // The body of the call under way.
    uint8_t *body;
    size_t length, sent;
    double begun;
    bool succeeded, follows, idle;
    int32_t long_call; // The call that stays open; 0 when there is none.
    // The version behind which, or the position from which, the next page is.
    uint64_t from;
    // Cuts what comes into messages.
    uint8_t prefix[5];
    size_t prefix_length, rest;
    // The message that is coming, where it is looked at.
    uint8_t *message;
    size_t message_length, message_room;
};

static double *times;
static size_t calls, room, errors;
static uint64_t events, next_id = 1;
static double window_begin, window_end;
static uint64_t seed;
static double due; // When the event that is appended next was to be.
static int open_calls;

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
    if (options.mode == DELIVER) {
        char text[32];
        memcpy(data + 1, text, (size_t)snprintf(text, sizeof text, "@%017.9f", due));
    }
    at = identifier(at, 1);
    at = entry(at, 2, "type", "LoadApplied");
    at = entry(at, 2, "content-type", "application/json");
    return field(at, 4, data, (size_t)options.bytes);
}

// What a read of KurrentDB's says behind where it begins: how far, no filter, the form of identifiers.
static uint8_t *read_options(uint8_t *at, bool follows) {
    if (follows) {
        *at++ = 6 << 3 | 2, *at++ = 0;
    } else {
        *at++ = 5 << 3;
        at = varint(at, INT64_MAX);
    }
    *at++ = 8 << 3 | 2, *at++ = 0;
    uint8_t form[2] = {2 << 3 | 2, 0};
    return field(at, 9, form, 2);
}

static uint8_t *read_request(uint8_t *at, struct client *client) {
    uint8_t inner[512], *end, whole[600], *whole_end;
    if (options.mode == READ_STREAM) {
        end = stream_identifier(inner, 1, options.stream);
        *end++ = 3 << 3 | 2, *end++ = 0; // From the start.
        whole_end = field(whole, 1, inner, (size_t)(end - inner));
    } else {
        uint8_t place[2] = {(uint8_t)((client->follows ? 3 : 2) << 3 | 2), 0};
        whole_end = field(whole, 2, place, 2);
    }
    whole_end = read_options(whole_end, client->follows);
    return field(at, 1, whole, (size_t)(whole_end - whole));
}

static uint8_t *page_request(uint8_t *at, struct client *client) {
    bool isStream = options.mode == PAGE_STREAM;
    uint8_t cursor[16], *end = cursor;
    *end++ = 1 << 3;
    end = varint(end, client->from == 0 ? 0 : isStream ? 2 : 3);
    *end++ = 2 << 3;
    end = varint(end, client->from);
    if (isStream) at = field(at, 1, options.stream, strlen(options.stream));
    at = field(at, isStream ? 2 : 1, cursor, (size_t)(end - cursor));
    *at++ = 4 << 3;
    return varint(at, PAGE_EVENTS);
}

static void prepare(struct client *client) {
    size_t capacity = 4096 + ((size_t)options.bytes + 256) * (size_t)(options.mode == BATCH ? options.batch : 1);
    if (!client->body) client->body = malloc(2 * capacity);
    uint8_t *at = client->body, *begin, *scratch = client->body + capacity, *end;
    char name[64];
    snprintf(name, sizeof name, "load-%d", client->number);
    if (client->follows) {
        at = read_request(at + 5, client);
        frame(client->body, at);
    } else {
        switch (options.mode) {
        case APPEND:
        case DELIVER:
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
        case APPEND_LONG:
        case BATCH:
            begin = at, at += 5;
            at = identifier(at, 1);
            end = stream_identifier(scratch, 1, name);
            *end++ = 4 << 3 | 2, *end++ = 0;
            at = field(at, 2, scratch, (size_t)(end - scratch));
            for (int event = 0; event < (options.mode == BATCH ? options.batch : 1); event++) {
                end = proposed(scratch);
                at = field(at, 3, scratch, (size_t)(end - scratch));
            }
            *at++ = 4 << 3, *at++ = 1; // The last message of the append.
            frame(begin, at);
            break;
        case READ_STREAM:
        case READ_ALL:
            at = read_request(at + 5, client);
            frame(client->body, at);
            break;
        case PAGE_STREAM:
        case PAGE_LOG:
            at = page_request(at + 5, client);
            frame(client->body, at);
            break;
        case IDLE:
        case MODES: break;
        }
    }
    client->length = (size_t)(at - client->body);
    client->sent = 0;
}

// --- Calls.

static ssize_t read_body(
    nghttp2_session *session, int32_t stream, uint8_t *buffer, size_t length, uint32_t *flags, nghttp2_data_source *source,
    void *user) {
    (void)session, (void)stream, (void)user;
    struct client *client = source->ptr;
    size_t rest = client->length - client->sent;
    if (!rest) return NGHTTP2_ERR_DEFERRED;
    size_t taken = rest < length ? rest : length;
    memcpy(buffer, client->body + client->sent, taken);
    client->sent += taken;
    if (client->sent == client->length && options.mode != APPEND_LONG) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)taken;
}

#define HEADER(name, value) \
    { (uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1, strlen(value), NGHTTP2_NV_FLAG_NO_COPY_NAME }

static void call(struct client *client) {
    prepare(client);
    client->begun = options.mode == DELIVER ? due : now();
    client->idle = false;
    if (client->long_call) {
        nghttp2_session_resume_data(client->session, client->long_call);
        return;
    }
    nghttp2_nv headers[] = {
        HEADER(":method", "POST"), HEADER(":scheme", "http"), HEADER(":path", paths[client->follows ? IDLE : options.mode]),
        HEADER(":authority", "localhost"), HEADER("content-type", "application/grpc"), HEADER("te", "trailers")};
    nghttp2_data_provider body = {.source.ptr = client, .read_callback = read_body};
    client->succeeded = false;
    client->prefix_length = client->rest = client->message_length = 0;
    int32_t id = nghttp2_submit_request(client->session, NULL, headers, 6, &body, client);
    if (id < 0) fail("submit");
    if (options.mode == APPEND_LONG) client->long_call = id;
}

static void count(double time, uint64_t more) {
    if (calls == room) times = realloc(times, sizeof *times * (room = room ? 2 * room : 1 << 16));
    times[calls++] = time;
    events += more;
}

static void done(struct client *client, uint64_t more) {
    double ended = now();
    if (client->begun >= window_begin && ended <= window_end) count(ended - client->begun, more);
    client->idle = true;
    if (ended < window_end && options.mode != DELIVER) call(client);
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

static uint64_t read_varint(const uint8_t **at) {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
}

// A page: counts its events, and says where the next one begins.
static void take_page(struct client *client) {
    const uint8_t *at = client->message, *end = at + client->message_length;
    uint64_t found = 0, through = 0;
    bool isAtEnd = false;
    while (at < end) {
        uint64_t key = read_varint(&at), value = read_varint(&at);
        if ((key & 7) == 2) at += value;
        if (key >> 3 == 3) found++;
        if (key >> 3 == 2) isAtEnd = value;
        if (key == 1 << 3) through = value;
    }
    if (now() >= window_begin && now() <= window_end) events += found;
    client->from = isAtEnd || !found ? 0 : options.mode == PAGE_LOG ? through + 1 : client->from + found;
}

static void take_message(struct client *client) {
    switch (options.mode) {
    case APPEND_LONG: {
        // Behind the identifier of the append, which is 21 bytes or more, comes its success, field 3, or an error, 2.
        const uint8_t *at = client->message;
        read_varint(&at);
        uint64_t length = read_varint(&at);
        if (at[length] >> 3 != 3 && ++errors > 100) errno = 0, fail("too many appends failed");
        done(client, 1);
        break;
    }
    case PAGE_STREAM:
    case PAGE_LOG: take_page(client); break;
    case DELIVER: {
        if (!client->follows) break;
        const char *mark = memmem(client->message, client->message_length, "\"@", 2);
        double begun = mark ? strtod(mark + 2, NULL) : 0, ended = now();
        if (begun >= window_begin && ended <= window_end) count(ended - begun, 1);
        break;
    }
    case IDLE:
        if (client->message[0] >> 3 == 2) open_calls++; // The confirmation.
        break;
    default:
        if (now() >= window_begin) events++;
    }
}

static int on_data(
    nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t length, void *user) {
    (void)session, (void)flags, (void)stream;
    struct client *client = user;
    bool isLookedAt = options.mode != READ_STREAM && options.mode != READ_ALL;
    if (options.mode == APPEND || options.mode == BATCH) return 0;
    while (length) {
        if (client->rest) {
            size_t taken = client->rest < length ? client->rest : length;
            if (isLookedAt) {
                memcpy(client->message + client->message_length, data, taken);
                client->message_length += taken;
            }
            client->rest -= taken, data += taken, length -= taken;
            if (!client->rest) take_message(client);
            continue;
        }
        client->prefix[client->prefix_length++] = *data++, length--;
        if (client->prefix_length == 5) {
            uint32_t size;
            memcpy(&size, client->prefix + 1, 4);
            client->rest = ntohl(size);
            client->prefix_length = client->message_length = 0;
            if (isLookedAt && client->rest + 8 > client->message_room) {
                client->message_room = client->rest + 8;
                client->message = realloc(client->message, client->message_room);
            }
            if (!client->rest) take_message(client);
        }
    }
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user) {
    (void)session, (void)stream, (void)code;
    struct client *client = user;
    if (client->follows || client->long_call) errno = 0, fail("a call that was to stay open was ended");
    if (!client->succeeded) {
        if (++errors > 100) errno = 0, fail("too many calls failed");
        client->idle = true;
        if (now() < window_end && options.mode != DELIVER) call(client);
    } else if (options.mode == DELIVER) {
        client->idle = true;
    } else {
        done(client, options.mode == APPEND ? 1 : options.mode == BATCH ? (uint64_t)options.batch : 0);
    }
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

static void receive(struct client *client, int epoll) {
    static uint8_t buffer[1 << 18];
    ssize_t length;
    while ((length = recv(client->fd, buffer, sizeof buffer, 0)) > 0) {
        if (nghttp2_session_mem_recv(client->session, buffer, (size_t)length) < 0) errno = 0, fail("not HTTP/2");
        if ((size_t)length < sizeof buffer) break;
    }
    if (length == 0) errno = 0, fail("the server closed a connection");
    flush(client, epoll);
}

// Appends what is due, each event by a client that waits for none; one that finds none is appended as soon as it does.
static void append_due(struct client *clients, int epoll) {
    double interval = 1.0 / options.rate;
    for (int index = 1; index < options.clients && due <= now(); index++) {
        if (!clients[index].idle) continue;
        call(&clients[index]);
        flush(&clients[index], epoll);
        due += interval;
    }
}

static int compare(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

static void read_options_of_command(int count, char **arguments) {
    if (count < 2) errno = EINVAL, fail("a mode is missing; they are at the head of main.c");
    for (options.mode = 0; options.mode < MODES && strcmp(arguments[1], names[options.mode]); options.mode++) continue;
    if (options.mode == MODES) errno = EINVAL, fail(arguments[1]);
    for (int index = 2; index < count; index += 2) {
        const char *name = arguments[index], *value = index + 1 < count ? arguments[index + 1] : "";
        if (strcmp(name, "--port") == 0) options.port = atoi(value);
        else if (strcmp(name, "--clients") == 0) options.clients = atoi(value);
        else if (strcmp(name, "--seconds") == 0) options.seconds = atof(value);
        else if (strcmp(name, "--bytes") == 0) options.bytes = atoi(value);
        else if (strcmp(name, "--batch") == 0) options.batch = atoi(value);
        else if (strcmp(name, "--rate") == 0) options.rate = atoi(value);
        else if (strcmp(name, "--calls") == 0) options.calls = atoi(value);
        else if (strcmp(name, "--stream") == 0) options.stream = value;
        else errno = EINVAL, fail(name);
    }
    if (options.clients < 1 || options.seconds <= 0 || options.bytes < 32 || options.batch < 1 || options.rate < 1)
        errno = EINVAL, fail("a number is too small");
    if (options.mode == DELIVER && options.clients < 2) options.clients = 17;
}

int main(int argument_count, char **arguments) {
    read_options_of_command(argument_count, arguments);
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    seed = (uint64_t)time.tv_sec << 30 ^ (uint64_t)time.tv_nsec;
    nghttp2_session_callbacks *callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_send_callback(callbacks, send_bytes);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    int epoll = epoll_create1(0), timer = -1;
    struct client *clients = calloc((size_t)options.clients, sizeof *clients);
    double warm = options.mode == IDLE ? 0 : options.seconds / 4;
    window_begin = now() + warm;
    window_end = window_begin + options.seconds;
    due = now() + 0.1; // By then the one that follows does.
    for (int index = 0; index < options.clients; index++) {
        struct client *client = &clients[index];
        client->number = index;
        client->follows = options.mode == IDLE || (options.mode == DELIVER && index == 0);
        connect_client(client, callbacks, epoll);
        client->idle = options.mode == DELIVER && index > 0;
        for (int more = options.mode == IDLE ? options.calls : client->idle ? 0 : 1; more > 0; more--) {
            call(client);
            flush(client, epoll);
        }
        flush(client, epoll);
    }
    if (options.mode == DELIVER) {
        timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
        struct itimerspec every = {.it_interval = {.tv_nsec = 200000}, .it_value = {.tv_nsec = 200000}};
        timerfd_settime(timer, 0, &every, NULL);
        struct epoll_event event = {.events = EPOLLIN};
        epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event);
    }
    struct epoll_event ready[256];
    bool isTold = false;
    while (now() < window_end) {
        int found = epoll_wait(epoll, ready, 256, 50);
        for (int index = 0; index < found; index++) {
            uint64_t ticks;
            if (ready[index].data.ptr) receive(ready[index].data.ptr, epoll);
            else if (read(timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN) fail("timer");
        }
        if (options.mode == DELIVER) append_due(clients, epoll);
        if (options.mode == IDLE && !isTold && open_calls == options.clients * options.calls) {
            printf("{\"mode\":\"idle\",\"clients\":%d,\"calls\":%d}\n", options.clients, open_calls);
            fflush(stdout);
            isTold = true;
        }
    }
    if (options.mode == IDLE) return !isTold;
    qsort(times, calls, sizeof *times, compare);
    double p50 = calls ? times[calls / 2] * 1e3 : 0, p99 = calls ? times[calls - 1 - calls / 100] * 1e3 : 0;
    printf(
        "{\"mode\":\"%s\",\"clients\":%d,\"callsPerSecond\":%.0f,\"eventsPerSecond\":%.0f,\"p50\":%.3f,\"p99\":%.3f,"
        "\"errors\":%zu}\n",
        names[options.mode], options.clients, calls / options.seconds, events / options.seconds, p50, p99, errors);
    return errors > 0;
}
