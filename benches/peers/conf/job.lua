-- The edge's job in nginx: a click for the visitor, out of the cache or from the tracker, and a redirect with it.
local lrucache = require "resty.lrucache"
local decode = require("cjson.safe").decode
local escape = ngx.escape_uri

local job = {}
-- As many as the edge keeps, and as long.
local cache = lrucache.new(1000000)
local seconds = 300
local tracker_port
local trafficback = "https://my-site.example/deals?why="

local function link(offer, campaign, promo, before, after)
  local ids = "&offer_id=" .. offer .. "&campaign_id=" .. campaign .. "&promo_id=" .. promo
  return {
    key = " " .. offer .. " " .. campaign .. " ",
    target = "/api/click/create?secure_key=00000000-0000-0000-0000-000000000000" .. ids .. "&user_ip=",
    before = before,
    after = after,
  }
end
local links = {
  ["localhost/shoes"] = link(5306, 816, 522, "https://advertiser.example/?click_id=", ""),
}
for number = 1, 9 do
  links["localhost/other-" .. number] = link(5306 + number, 816, 522, "https://advertiser.example/?click_id=", "")
end

function job.tracker(port)
  tracker_port = port
end

local ask = {}

function ask.socket(target)
  local tracker = ngx.socket.tcp()
  tracker:settimeout(2000)
  if not tracker:connect("127.0.0.1", tracker_port) then
    return nil
  end
  tracker:send({ "GET ", target, " HTTP/1.1\r\nHost: tracker\r\n\r\n" })
  local head = tracker:receiveuntil("\r\n\r\n")()
  local length = head and head:find("^HTTP/1.1 200 ") and head:match("\r\n[Cc]ontent%-[Ll]ength: (%d+)")
  local body = length and tracker:receive(tonumber(length))
  if body then
    tracker:setkeepalive(60000, 64)
  end
  return body
end

function ask.subrequest(target)
  local answer = ngx.location.capture(target)
  return answer.status == 200 and answer.body
end

function job.answer(way)
  local var = ngx.var
  local found = links[var.host .. var.uri]
  if not found then
    return ngx.exit(404)
  end
  local ip, agent = var.remote_addr, var.http_user_agent
  if not agent then
    return ngx.redirect(trafficback .. "no_user_agent", 302)
  end
  local key = ip .. found.key .. agent
  local click = cache:get(key)
  if not click then
    local target = found.target .. ip .. "&user_useragent=" .. escape(agent)
    local source = var.arg_utm_source
    if source then
      target = target .. "&utm_source=" .. source
    end
    local body = ask[way](target)
    local answer = body and decode(body)
    if not answer or answer.status ~= "success" then
      return ngx.redirect(trafficback .. "tracker_error", 302)
    end
    click = answer.data.click_id
    cache:set(key, click, seconds)
  end
  return ngx.redirect(found.before .. escape(click) .. found.after, 302)
end

return job
