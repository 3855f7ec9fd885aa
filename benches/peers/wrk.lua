-- What wrk sends and tells: one visitor's hits, or with NEXT=number another visitor for each, whose answer is looked at. With
-- AMONG=number there are so many visitors, and who comes after the last is drawn from all of them.
local next_visitor = tonumber(os.getenv("NEXT"))
local among = tonumber(os.getenv("AMONG")) or math.huge
math.randomseed(os.time())
local click = os.getenv("CLICK")
local thread
wrong = 0

function setup(of)
  thread = of
end

if next_visitor then
  function request()
    local n = next_visitor
    next_visitor = n + 1
    if n >= among then
      n = math.random(0, among - 1)
    end
    wrk.headers["X-Forwarded-For"] = string.format("127.%d.%d.%d", 1 + math.floor(n / 65536), math.floor(n / 256) % 256, n % 256)
    return wrk.format()
  end

  function response(status, headers)
    local to = headers["Location"] or headers["location"]
    if status ~= 302 or not to or not to:find(click, 1, true) then
      wrong = wrong + 1
    end
  end
end

function done(summary, latency)
  local e = summary.errors
  local errors = e.connect + e.read + e.write + e.status + e.timeout + thread:get("wrong")
  local function ms(share)
    return latency:percentile(share) / 1000
  end
  io.write(string.format('{"requests": %d, "errors": %d, "latency": [%f, %f, %f]}\n', summary.requests, errors, ms(50), ms(99), ms(99.9)))
end
