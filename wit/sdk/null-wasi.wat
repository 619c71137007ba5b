;; What C, C++ and Go programs find where they expect WASI (preview 1): no arguments, no environment, no files, a
;; clock that advances 1 us a reading from a fixed instant, fixed "random" bytes, writes that go nowhere.
;; A component that is made with it imports nothing of WASI, and the same input gives the same bytes.
;; It keeps nothing in the guest's memory: adapters that do run before Go's runtime is up, and break it.
(module
  (import "env" "memory" (memory 0))
  (global $now_ns (mut i64) (i64.const 1700000000000000000))
  (global $seed (mut i64) (i64.const 0x2545F4914F6CDD1D))

  ;; Arguments and environment: none.
  (func $none (param i32 i32) (result i32)
    (i32.store (local.get 0) (i32.const 0))
    (i32.store (local.get 1) (i32.const 0))
    (i32.const 0))
  (func (export "args_sizes_get") (param i32 i32) (result i32) (call $none (local.get 0) (local.get 1)))
  (func (export "environ_sizes_get") (param i32 i32) (result i32) (call $none (local.get 0) (local.get 1)))
  (func (export "args_get") (param i32 i32) (result i32) (i32.const 0))
  (func (export "environ_get") (param i32 i32) (result i32) (i32.const 0))

  ;; The clock never stands at 0 (Go takes that for a broken one) and never repeats a reading.
  (func (export "clock_res_get") (param i32 i32) (result i32)
    (i64.store (local.get 1) (i64.const 1000))
    (i32.const 0))
  (func (export "clock_time_get") (param i32 i64 i32) (result i32)
    (global.set $now_ns (i64.add (global.get $now_ns) (i64.const 1000)))
    (i64.store (local.get 2) (global.get $now_ns))
    (i32.const 0))

  ;; xorshift64 from a fixed seed.
  (func (export "random_get") (param $at i32) (param $left i32) (result i32)
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $left)))
      (global.set $seed (i64.xor (global.get $seed) (i64.shl (global.get $seed) (i64.const 13))))
      (global.set $seed (i64.xor (global.get $seed) (i64.shr_u (global.get $seed) (i64.const 7))))
      (global.set $seed (i64.xor (global.get $seed) (i64.shl (global.get $seed) (i64.const 17))))
      (i32.store8 (local.get $at) (i32.wrap_i64 (global.get $seed)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br $next)))
    (i32.const 0))

  ;; Says that all was written.
  (func (export "fd_write") (param $fd i32) (param $pieces i32) (param $count i32) (param $written i32) (result i32)
    (local $sum i32)
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $count)))
      (local.set $sum (i32.add (local.get $sum) (i32.load offset=4 (local.get $pieces))))
      (local.set $pieces (i32.add (local.get $pieces) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next)))
    (i32.store (local.get $written) (local.get $sum))
    (i32.const 0))

  ;; A wait is over at once: the first event that was asked for has happened.
  (func (export "poll_oneoff") (param $asked i32) (param $happened i32) (param i32) (param $count i32) (result i32)
    (i64.store (local.get $happened) (i64.load (local.get $asked)))
    (i32.store offset=8 (local.get $happened) (i32.const 0))
    (i32.store (local.get $count) (i32.const 1))
    (i32.const 0))
  (func (export "sched_yield") (result i32) (i32.const 0))
  (func (export "proc_exit") (param i32) unreachable)

  ;; No file is open (8: bad descriptor), none can be opened (76: not permitted).
  (func (export "fd_read") (param i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_close") (param i32) (result i32) (i32.const 8))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_fdstat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_fdstat_set_flags") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_filestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 76))
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 76)))
