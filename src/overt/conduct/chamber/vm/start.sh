# On the virtual machine's own disk: network, then the agent, by itself or as a service of systemd.
B=/.lab/busybox
$B mkdir -p /dev/pts /dev/shm /run /tmp
$B mount -t devpts pts /dev/pts
$B mount -t tmpfs -o mode=1777 shm /dev/shm
$B mount -t tmpfs -o mode=755 run /run
$B mount -t tmpfs -o mode=755 lab /.lab/work
. /.lab/settings
$B hostname "$NAME"
link=$($B ls /sys/class/net | $B grep -v '^lo$' | $B head -n 1)
echo 0 >"/proc/sys/net/ipv6/conf/$link/accept_dad"
echo 0 >"/proc/sys/net/ipv6/conf/$link/accept_ra"
$B ip link set lo up
$B ip link set "$link" up
$B ip addr add "$V4/24" dev "$link"
$B ip -6 addr add "$V6/64" dev "$link"
$B ip route add default via "$GATEWAY4"
$B ip -6 route add default via "$GATEWAY6" dev "$link"
[ -x /lib/systemd/systemd ] && exec /lib/systemd/systemd systemd.unit=multi-user.target
exec $B sh /.lab/agent.sh
