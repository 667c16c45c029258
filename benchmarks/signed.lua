-- What wrk sends of requests that were written and signed beforehand: each once, byte for byte as they are in a file.
-- wrk … -s signed.lua URL -- FILE, where the record separator (30) stands between two requests.
-- Where there are no more, the last one is sent again, which the gateway refuses: the run ends as a failure.

local requests, count = {}, 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  for one in string.gmatch(file:read("*a"), "[^\30]+") do
    requests[#requests + 1] = one
  end
  file:close()
end

function request()
  count = count + 1
  return requests[count] or requests[#requests]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('\nMEASURED {"requests": %d, "microseconds": %d, "refused": %d, "lost": %d, "p50": %d, "p99": %d}\n',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
