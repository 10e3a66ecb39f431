-- Appends one event of about 200 B a request by HTTP, each connection into streams of its own; run by wrk:
--
--   wrk --threads 1 --connections 32 --duration 5 --latency --script append.lua http://127.0.0.1:2113/v1/append
--
-- The requests are written once, so that the server is what is measured, on a machine that both share.
local requests = {}
local next_request = 0

function init(arguments)
    local data = string.rep("x", 198)
    for stream = 0, 63 do
        local body = string.format(
            '{"writes":[{"stream":"load-%d","events":[{"type":"LoadApplied","data":"%s"}]}]}', stream, data)
        requests[stream] = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
    end
end

function request()
    next_request = (next_request + 1) % 64
    return requests[next_request]
end

function done(summary, latency, more)
    if summary.errors.status > 0 then print(summary.errors.status .. " requests were not answered by 2xx.") end
end
