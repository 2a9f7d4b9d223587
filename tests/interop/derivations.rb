# SPDX-License-Identifier: BSL-1.0
# Prints the keys that Ruby's libraries give to names, by their own expressions: the derivations' names in the first line,
# then for each name their keys, as the SQL functions take them. Names are read from ARGV[0], in hex, a line each.
require 'digest'
require 'zlib'

DERIVATIONS = {
  # with_advisory_lock 7.5.0, core_advisory.rb and postgresql_advisory.rb, without a prefix
  'with_advisory_lock' => ->(name) { "#{Zlib.crc32(name.to_s) & 0x7fffffff}, 0" },
  # Rails, ActiveRecord::Migrator: generate_migrator_advisory_lock_id
  'rails_migration' => ->(name) { 2053462845 * Zlib.crc32(name) },
  # good_job computes ('x' || substr(md5(name), 1, 16))::bit(64)::bigint on the server
  'good_job' => ->(name) { [Digest::MD5.hexdigest(name)[0, 16]].pack('H*').unpack1('q>') },
  # pg_lock 1.0.0, PgLock#key
  'heroku_pg_lock' => lambda { |name|
    crc = Zlib.crc32(name)
    "-2147483648, #{crc > 2**31 - 1 ? crc - 2**32 : crc}"
  }
}.freeze

puts DERIVATIONS.keys.join("\t")
File.foreach(ARGV[0], chomp: true) do |line|
  name = [line].pack('H*')
  puts DERIVATIONS.values.map { |derivation| derivation.call(name) }.join("\t")
end
